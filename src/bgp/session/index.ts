/** Sessions: the state machine, collision detection, negotiation, NOTIFICATION texts, deadlines as data. */

export type { Collision } from './collision.ts';
export { collisionLoser } from './collision.ts';
export type { Scheduled } from './deadlines.ts';
export { DeadlineQueue } from './deadlines.ts';
export { createFsm, FSM_TABLE, handleEvent, nextFsmDeadline, takeDueTimers } from './fsm.ts';
export { changeKeepaliveTime, watchSending } from './handlers.ts';
export * from './limits.ts';
export type { LocalOffer, Negotiated, PeerRestart } from './negotiate.ts';
export { capabilityNames, localCapabilities, localOpen, negotiate, openAs } from './negotiate.ts';
export { cease, FSM_ERRORS, isCollision, isHardReset, isSendHold, refusesOptions } from './notifications.ts';
export type { AfterStop, DownCause, Fsm, FsmContext, FsmEffect, FsmEvent, FsmEventType, FsmSettings, FsmTimers } from './types.ts';
