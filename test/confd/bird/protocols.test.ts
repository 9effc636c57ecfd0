/** Sessions out of `show protocols all`, in the layouts of BIRD 1.6 and BIRD 2. */
import { describe, expect, it } from 'vitest';
import { ReplyReader } from '../../../src/confd/bird/control-reply.ts';
import { type BirdSession, readSessions } from '../../../src/confd/bird/protocols.ts';

const LAYOUTS: Readonly<Record<string, string>> = {
  'BIRD 1.6': `2002-name     proto    table    state  since       info
1002-device1  Device   master   up     12:00:00
1006-  Preference:     240

1002-Mesh_10_0_0_2 BGP      master   up     12:00:01    Established
1006-  Preference:     100
   Input filter:   x
   Routes:         12 imported, 3 exported, 2 preferred
   Route change stats:     received   rejected   filtered    ignored   accepted
     Import updates:             15          0          2          1         12
     Import withdraws:            4          0        ---          1          3
     Export updates:             10          2          3        ---          5
     Export withdraws:            6        ---        ---        ---          6
   BGP state:          Established
     Neighbor address: 10.0.0.2
     Neighbor ID:      192.0.2.7
     Hold timer:       180/240
     Keepalive timer:  31/80

1002-Node_10_0_0_3 BGP      master   start  12:00:01    Active        Socket: Connection refused
1006-  Preference:     100
   BGP state:          Active
     Last error:       Socket: Connection refused

1002-Node_10_0_0_4 BGP      master   down   12:00:01
1006-  Preference:     100

0000 
`,
  'BIRD 2': `2002-Name       Proto      Table      State  Since         Info
1002-static4    Static     master4    up     12:00:00.000
1006-  Channel ipv4
     Routes:         4 imported, 0 exported, 4 preferred

1002-Mesh_10_0_0_2 BGP        ---        up     12:00:01.000  Established
1006-  BGP state:          Established
     Neighbor address: 10.0.0.2
     Neighbor ID:      192.0.2.7
     Hold timer:       180.25/240
     Keepalive timer:  31.5/80
   Channel ipv4
     State:          UP
     Routes:         12 imported, 3 exported, 2 preferred
     Route change stats:     received   rejected   filtered    ignored   accepted
       Import updates:             15          0          2          1         12
       Import withdraws:            4          0        ---          1          3
       Export updates:             10          2          3        ---          5
       Export withdraws:            6        ---        ---        ---          6

1002-Node_10_0_0_3 BGP        ---        start  12:00:01.000  Active        Socket: Connection refused
1006-  BGP state:          Active
     Last error:       Socket: Connection refused
   Channel ipv4
     State:          DOWN

1002-Node_10_0_0_4 BGP        ---        down   12:00:01.000
1006-
0000 
`,
};

const UNCHANGED = {
  importRejected: 0,
  importFiltered: 0,
  importIgnored: 0,
  importAccepted: 0,
  withdrawIgnored: 0,
  withdrawAccepted: 0,
  exportAccepted: 0,
  exportWithdrawn: 0,
  exportRejected: 0,
  exportFiltered: 0,
};
const FIGURES = { remoteId: undefined, holdTime: 0, keepaliveTime: 0, imported: 0, exported: 0, preferred: 0 };
const NONE = { ...FIGURES, lastError: undefined, changes: UNCHANGED };
const SESSIONS: readonly BirdSession[] = [
  {
    name: 'Mesh_10_0_0_2',
    state: 'Established',
    remoteId: '192.0.2.7',
    holdTime: 240,
    keepaliveTime: 80,
    imported: 12,
    exported: 3,
    preferred: 2,
    changes: {
      importRejected: 0,
      importFiltered: 2,
      importIgnored: 1,
      importAccepted: 12,
      withdrawIgnored: 1,
      withdrawAccepted: 3,
      exportAccepted: 5,
      exportWithdrawn: 6,
      exportRejected: 2,
      exportFiltered: 3,
    },
    lastError: undefined,
  },
  { ...NONE, name: 'Node_10_0_0_3', state: 'Active', lastError: 'Socket: Connection refused' },
  { ...NONE, name: 'Node_10_0_0_4', state: 'down' },
];

describe.each(Object.entries(LAYOUTS))('%s', (_name, text) => {
  it('names each session with its state and figures', () => {
    const [reply] = new ReplyReader().push(text.replaceAll('\n\n', '\n \n'));
    expect(reply === undefined ? undefined : readSessions(reply)).toEqual(SESSIONS);
  });
});
