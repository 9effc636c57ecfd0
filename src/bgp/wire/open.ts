/**
 * OPEN (RFC 4271 section 4.2): version (1), my AS (2), hold time (2), BGP identifier (4), optional parameters.
 * Optional parameters in the short form (RFC 5492) and the extended one (RFC 9072), both ways.
 */
import { decodeCapabilities, encodeCapabilities, NO_CAPABILITIES } from './capabilities.ts';
import { failure } from './errors.ts';
import { frame } from './framing.ts';
import { MESSAGE_TYPE, OPEN_PARAMETER } from './iana.ts';
import { Reader } from './reader.ts';
import type { Capabilities, DecodeError, OpenMessage, Result } from './types.ts';
import { Writer } from './writer.ts';

/** The only version there is. */
const BGP_VERSION = 4;

/** Longest list of optional parameters in the short form. */
const SHORT_PARAMETERS_OCTETS = 255;

/** Confines the reader to the optional parameters; `wide` says that their lengths have two octets (RFC 9072 section 2). */
function openParameters(body: Reader): { readonly parameters: Reader; readonly wide: boolean } {
  const length = body.u8();
  if (length > 0 && body.octets[body.offset] === OPEN_PARAMETER.extended) {
    body.u8();
    return { parameters: body.sub(body.u16()), wide: true };
  }
  return { parameters: body.sub(length), wide: false };
}

function decodeParameters(body: Reader): Result<Capabilities, DecodeError> {
  const { parameters, wide } = openParameters(body);
  let capabilities: Capabilities = NO_CAPABILITIES;
  while (parameters.remaining > 0) {
    const type = parameters.u8();
    const value = parameters.sub(wide ? parameters.u16() : parameters.u8());
    if (parameters.overrun) break;
    // RFC 4271 section 6.2: the authentication parameter (1) is deprecated and as unknown as the rest.
    if (type !== OPEN_PARAMETER.capabilities) return failure('OPEN_UNSUPPORTED_PARAMETER', `optional parameter ${type}`);
    const more = decodeCapabilities(value, capabilities);
    if (more === undefined) return failure('OPEN_UNSPECIFIC', 'capability longer than its parameter');
    capabilities = more;
  }
  if (parameters.overrun || body.overrun || body.remaining > 0)
    return failure('OPEN_UNSPECIFIC', 'optional parameters do not fit the message');
  return { ok: true, value: capabilities };
}

/** The fields whose legal values do not depend on the configuration (RFC 4271 section 6.2). */
function fieldFault(open: OpenMessage): { readonly ok: false; readonly error: DecodeError } | undefined {
  if (open.version !== BGP_VERSION) {
    // Data: the largest version we support.
    return failure('OPEN_UNSUPPORTED_VERSION', `version ${open.version}`, Uint8Array.of(0, BGP_VERSION));
  }
  // RFC 7607 section 2: AS 0 is an illegal peer AS wherever it stands.
  if (open.myAs === 0 || open.capabilities.fourOctetAs === 0) return failure('OPEN_BAD_PEER_AS', 'AS 0');
  if (open.holdTime === 1 || open.holdTime === 2) return failure('OPEN_UNACCEPTABLE_HOLD_TIME', `hold time ${open.holdTime}`);
  if (open.bgpId === 0) return failure('OPEN_BAD_BGP_ID', 'BGP identifier 0');
  return undefined;
}

/** Decodes a body and checks what can be checked without configuration. */
export function decodeOpen(body: Uint8Array): Result<OpenMessage, DecodeError> {
  const reader = new Reader(body);
  const version = reader.u8();
  const myAs = reader.u16();
  const holdTime = reader.u16();
  const bgpId = reader.u32();
  // Another version may have other fields after the first octet, so it is judged before them.
  const base: OpenMessage = { type: 'open', version, myAs, holdTime, bgpId, capabilities: NO_CAPABILITIES };
  if (version !== BGP_VERSION) return fieldFault(base) ?? { ok: true, value: base };
  const capabilities = decodeParameters(reader);
  if (!capabilities.ok) return capabilities;
  const open: OpenMessage = { ...base, capabilities: capabilities.value };
  return fieldFault(open) ?? { ok: true, value: open };
}

/** The whole message; all capabilities in one optional parameter, in the extended form only where the short one is too small. */
export function encodeOpen(open: OpenMessage): Uint8Array {
  const capabilities = encodeCapabilities(open.capabilities);
  const writer = new Writer().u8(open.version).u16(open.myAs).u16(open.holdTime).u32(open.bgpId);
  if (capabilities.length === 0) {
    writer.u8(0);
  } else if (capabilities.length + 2 <= SHORT_PARAMETERS_OCTETS) {
    writer
      .u8(capabilities.length + 2)
      .u8(OPEN_PARAMETER.capabilities)
      .u8(capabilities.length);
  } else {
    writer
      .u8(OPEN_PARAMETER.extended)
      .u8(OPEN_PARAMETER.extended)
      .u16(capabilities.length + 3);
    writer.u8(OPEN_PARAMETER.capabilities).u16(capabilities.length);
  }
  return frame(MESSAGE_TYPE.open, writer.bytes(capabilities).finish());
}
