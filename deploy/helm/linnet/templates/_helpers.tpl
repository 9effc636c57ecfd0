{{/* Name of everything of this release. */}}
{{- define "linnet.name" -}}
{{- if eq .Release.Name "linnet" -}}linnet{{- else -}}{{ printf "%s-linnet" .Release.Name | trunc 53 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "linnet.selector" -}}
app.kubernetes.io/name: linnet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "linnet.labels" -}}
{{ include "linnet.selector" . }}
app.kubernetes.io/component: {{ .Values.mode }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The node agent is another program: its pods are not those of the daemon. */}}
{{- define "linnet.agentSelector" -}}
app.kubernetes.io/name: linnet-node-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "linnet.agentLabels" -}}
{{ include "linnet.agentSelector" . }}
app.kubernetes.io/component: node-agent
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "linnet.agentProbe" -}}
httpGet:
  {{- if not .agent.metrics }}
  host: 127.0.0.1
  {{- end }}
  path: {{ .path }}
  port: probes
{{- end }}

{{/* The rule that every container of the image obeys, whatever its shape. */}}
{{- define "linnet.securityContext" -}}
readOnlyRootFilesystem: true
privileged: false
seccompProfile:
  type: RuntimeDefault
{{- if eq .Values.mode "reflectors" }}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# The capability comes with the program file, which no_new_privs would ignore: NET_BIND_SERVICE is all it can give.
allowPrivilegeEscalation: true
capabilities:
  drop: [ALL]
  add: [NET_BIND_SERVICE]
{{- else }}
runAsUser: 0
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  add: [NET_ADMIN, NET_BIND_SERVICE]
{{- end }}
{{- end }}

{{- define "linnet.env" -}}
- name: NODENAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- if eq .Values.mode "standalone" }}
- name: LINNET_IP
  value: autodetect
- name: LINNET_IP_AUTODETECTION_METHOD
  value: kubernetes-internal-ip
- name: LINNET_USE_POD_CIDR
  value: 'true'
{{- end }}
- name: LINNET_KERNEL
  value: {{ .Values.kernel | default (eq .Values.mode "reflectors" | ternary "off" "on") | quote }}
- name: LINNET_METRICS_LISTEN
  value: {{ printf "%s:%d" (.Values.metrics.enabled | ternary "0.0.0.0" "127.0.0.1") (int .Values.metrics.port) | quote }}
- name: LINNET_COMPAT
  value: {{ .Values.compat | quote }}
- name: LINNET_SHUTDOWN
  value: {{ .Values.shutdown | quote }}
{{- if eq .Values.mode "reflectors" }}
- name: LINNET_RUN_DIR
  value: /run/linnet
- name: LINNET_STATE_DIR
  value: /var/lib/linnet
- name: LINNET_BIRD_SOCKETS
  value: 'off'
- name: LINNET_ENDPOINT_STATUS_PREFIX
  value: none
{{- end }}
{{- with .Values.write | default (eq .Values.mode "standalone" | ternary "address,events" "") }}
- name: LINNET_WRITE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.logLevel }}
- name: LINNET_LOG_LEVEL
  value: {{ . | quote }}
{{- end }}
{{- if not (kindIs "invalid" .Values.holdTime) }}
- name: LINNET_HOLD_TIME
  value: {{ int .Values.holdTime | quote }}
{{- end }}
{{- with .Values.readiness }}
- name: LINNET_READINESS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.apiServer.host }}
- name: LINNET_API_SERVICE_HOST
  value: {{ . | quote }}
{{- end }}
{{- if not (kindIs "invalid" .Values.apiServer.port) }}
- name: LINNET_API_SERVICE_PORT
  value: {{ int .Values.apiServer.port | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "linnet.probe" -}}
httpGet:
  {{- if not .root.Values.metrics.enabled }}
  host: 127.0.0.1
  {{- end }}
  path: {{ .path }}
  port: probes
{{- end }}

{{- define "linnet.affinity" -}}
{{- if .Values.affinity }}
{{- toYaml .Values.affinity }}
{{- else if eq .Values.mode "reflectors" }}
podAntiAffinity:
  # All use the host's port 179.
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels:
          app.kubernetes.io/name: linnet
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: topology.kubernetes.io/zone
        labelSelector:
          matchLabels:
            {{- include "linnet.selector" . | nindent 12 }}
{{- else }}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          - key: linnet/dedicated-reflector
            operator: NotIn
            values: ['true']
{{- end }}
{{- end }}

{{- define "linnet.pod" -}}
metadata:
  labels:
    {{- include "linnet.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "linnet.name" . }}
  hostNetwork: true
  dnsPolicy: Default
  priorityClassName: {{ .Values.priorityClassName | default (eq .Values.mode "reflectors" | ternary "system-cluster-critical" "system-node-critical") }}
  terminationGracePeriodSeconds: {{ max (int .Values.terminationGracePeriodSeconds) (add (int .Values.drainSeconds) 15) }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  nodeSelector:
    kubernetes.io/os: linux
    {{- if eq .Values.mode "reflectors" }}
    linnet/dedicated-reflector: 'true'
    {{- end }}
    {{- with .Values.nodeSelector }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  affinity:
    {{- include "linnet.affinity" . | trim | nindent 4 }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: linnet
      image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [run]
      env:
        {{- include "linnet.env" . | nindent 8 }}
      ports:
        - name: probes
          containerPort: {{ int .Values.metrics.port }}
          hostPort: {{ int .Values.metrics.port }}
          protocol: TCP
      startupProbe:
        {{- include "linnet.probe" (dict "root" . "path" "/liveness") | nindent 8 }}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        {{- include "linnet.probe" (dict "root" . "path" "/liveness") | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        {{- include "linnet.probe" (dict "root" . "path" "/readiness") | nindent 8 }}
        periodSeconds: 5
        timeoutSeconds: 5
      {{- if gt (int .Values.drainSeconds) 0 }}
      {{- if ne .Values.mode "reflectors" }}
      {{- fail "drainSeconds is for mode reflectors: a pod that comes back to its node would stay drained; set shutdown to drain" }}
      {{- end }}
      lifecycle:
        preStop:
          exec:
            command: [linnet, drain, --wait, {{ .Values.drainSeconds | int | quote }}]
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "linnet.securityContext" . | nindent 8 }}
      volumeMounts:
        - name: run
          mountPath: {{ eq .Values.mode "reflectors" | ternary "/run/linnet" "/var/run/calico" }}
        - name: state
          mountPath: /var/lib/linnet
  volumes:
    {{- if eq .Values.mode "reflectors" }}
    - name: run
      emptyDir: {}
    - name: state
      emptyDir: {}
    {{- else }}
    # Where calicoctl, Calico's probes and Felix look for each other and for BIRD's sockets.
    - name: run
      hostPath:
        path: /var/run/calico
        type: DirectoryOrCreate
    # The last good configuration, for starts without an API server.
    - name: state
      hostPath:
        path: /var/lib/linnet
        type: DirectoryOrCreate
    {{- end }}
{{- end }}
