/** One reflector client on a real socket: announces what it is told and keeps a view of what it was sent. */
import { connect } from 'node:net';
import {
  attributeKeys,
  decodeNotification,
  describeNotification,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  Framer,
  MESSAGE_TYPE,
  NO_CAPABILITIES,
  notificationFor,
  scanUpdate,
  walkIpv4,
} from 'bgp-ts/wire';

const FAMILY = 'ipv4-unicast';
const HOLD_TIME = 90;
const CONTEXT = { fourOctetAs: true, external: false, addPathReceive: [], extendedNextHop: [], families: [FAMILY] };

/** 10.x.y.0/24 of a prefix number. */
const prefixOf = (number) => ({ prefix: { family: 'ipv4', words: [(0x0a000000 | (number << 8)) >>> 0, 0, 0, 0], length: 24 } });

/** What a client says of a route: the LOCAL_PREF names the announcement. */
function attributesOf(number, localPref) {
  return {
    origin: 'igp',
    asPath: [],
    nextHop: { family: 'ipv4', words: [(0x0a640001 + number) >>> 0, 0, 0, 0] },
    localPref,
    communities: [((0xfde8 << 16) | (localPref & 0xffff)) >>> 0],
  };
}

/** A client that is not connected yet. `onFault` gets a sentence for what must not happen. */
export class Client {
  /** Per prefix number the LOCAL_PREF it was sent last, 0 for none. */
  view;
  updates = 0;
  #options;
  #socket;
  #framer;
  #established = false;
  #leaving = false;
  #timer;

  constructor(options) {
    this.#options = options;
    this.view = new Uint32Array(options.prefixes);
  }

  get number() {
    return this.#options.number;
  }

  get isUp() {
    return this.#established;
  }

  /** Resolves when Established; rejects where the connection fails. */
  connect() {
    const { address, remote } = this.#options;
    this.#leaving = false;
    this.view.fill(0);
    this.#framer = new Framer();
    const socket = connect({ host: remote.host, port: remote.port, localAddress: address });
    this.#socket = socket;
    socket.setNoDelay(true);
    this.#timer = setInterval(() => this.#established && socket.write(encodeKeepalive()), (HOLD_TIME * 1000) / 3);
    return new Promise((resolve, reject) => {
      socket.on('connect', () => socket.write(this.#open()));
      socket.on('data', (octets) => socket === this.#socket && this.#read(new Uint8Array(octets), resolve));
      socket.on('error', reject);
      socket.on('close', () => {
        if (socket === this.#socket) this.#ended();
        reject(new Error('closed'));
      });
    });
  }

  #open() {
    const { as, number } = this.#options;
    const capabilities = { ...NO_CAPABILITIES, families: [FAMILY], multiprotocol: true, fourOctetAs: as, routeRefresh: true };
    return encodeOpen({ type: 'open', version: 4, myAs: as, holdTime: HOLD_TIME, bgpId: 0x0b000001 + number, capabilities });
  }

  #fault(text) {
    this.#options.onFault(`client ${this.number}: ${text}`);
  }

  #read(octets, ready) {
    this.#framer.feed(octets);
    for (let next = this.#framer.take(); next !== undefined; next = this.#framer.take()) {
      if (!next.ok) return this.#fault(next.error.detail);
      this.#message(next.value, ready);
    }
  }

  #message({ type, body }, ready) {
    if (type === MESSAGE_TYPE.open) this.#socket.write(encodeKeepalive());
    else if (type === MESSAGE_TYPE.update) this.#update(body);
    else if (type === MESSAGE_TYPE.keepalive && !this.#established) {
      this.#established = true;
      ready();
    } else if (type === MESSAGE_TYPE.notification) {
      const decoded = decodeNotification(body);
      this.#fault(`NOTIFICATION ${decoded.ok ? describeNotification(decoded.value) : 'unreadable'}`);
    }
  }

  #update(body) {
    const scanned = scanUpdate(body, CONTEXT);
    if (!scanned.ok) return this.#fault(scanned.error.detail);
    this.updates++;
    const { withdrawn, announced, attributes } = scanned.value;
    const set = (run, localPref) => walkIpv4(run.octets, false, (word) => (this.view[(word >>> 8) & 0xffff] = localPref));
    for (const run of withdrawn) set(run, 0);
    for (const run of announced) set(run, attributeKeys(attributes).localPref);
  }

  #ended() {
    if (this.#established && !this.#leaving) this.#fault('the session ended by itself');
    this.#established = false;
    clearInterval(this.#timer);
  }

  /** Sends one announcement. */
  announce(prefix, localPref) {
    for (const message of encodeUpdate({ announced: [prefixOf(prefix)], attributes: attributesOf(this.number, localPref) }))
      this.#socket.write(message);
  }

  withdraw(prefix) {
    for (const message of encodeUpdate({ withdrawn: [prefixOf(prefix)] })) this.#socket.write(message);
  }

  /** Asks for the table again and forgets what it had. */
  refresh() {
    this.view.fill(0);
    this.#socket.write(encodeRouteRefresh({ family: FAMILY }));
  }

  /** Leaves: with RST, by closing, or with a NOTIFICATION first. */
  leave(how) {
    this.#leaving = true;
    this.#ended();
    if (how === 'reset') return this.#socket.resetAndDestroy();
    if (how === 'notification') this.#socket.write(encodeNotification(notificationFor({ code: 'CEASE_ADMIN_RESET' })));
    return this.#socket.end(() => this.#socket.destroySoon());
  }
}
