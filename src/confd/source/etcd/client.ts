/**
 * Requests to etcd's JSON gateway over undici. A member that does not answer is left for the next one; an account's token is
 * asked for once and again when it is void.
 */
import { type Dispatcher, request } from 'undici';
import type { SecretValue } from '../../resources/types.ts';
import { createDispatchers } from '../dispatchers.ts';
import { type Answer, broken, type Failure, networkFailure } from '../failure.ts';
import { readTls, type TlsFiles } from '../tls.ts';
import { type EndpointOptions, findEndpoints } from './endpoints.ts';
import { readFailure, readToken } from './protocol.ts';

/** What names the cluster and the account. */
export interface EtcdAccess extends EndpointOptions, TlsFiles {
  readonly username: string | undefined;
  readonly password: SecretValue | undefined;
}

/** Ms after which a member is dead. */
export interface EtcdTiming {
  readonly connectMs: number;
  readonly answerMs: number;
}

/** What clusters need. */
const ETCD_TIMING: EtcdTiming = { connectMs: 5_000, answerMs: 10_000 };

/** The cluster. Nothing of it rejects. */
export interface EtcdClient {
  /** The text of an answer. */
  ask(path: string, body: string, signal: AbortSignal): Promise<Answer<string>>;
  /** An answer as it comes; the iteration throws where the connection breaks. */
  stream(path: string, body: string, signal: AbortSignal): Promise<Answer<AsyncIterable<Uint8Array>>>;
  /** The member that answered last is of no more use: the next request goes to another one. */
  leave(): void;
  close(): Promise<void>;
}

type Body = Dispatcher.ResponseData['body'];

/** Makes the client. It connects when it is first asked something. */
export function createEtcdClient(access: EtcdAccess, timing: EtcdTiming = ETCD_TIMING): EtcdClient {
  const dispatchers = createDispatchers(timing.connectMs);
  const state = { member: 0, token: '' };

  const post = async (server: string, path: string, body: string, signal: AbortSignal, bodyTimeout: number): Promise<Answer<Body>> => {
    const dispatcher = dispatchers.to({ server, tls: await readTls(access), proxy: undefined });
    const headers = {
      'content-type': 'application/json',
      // A member cut off from the others ends its watches instead of being silent.
      'grpc-metadata-hasleader': 'true',
      ...(state.token === '' ? {} : { authorization: state.token }),
    };
    const url = `${server}${path}`;
    const answer = await request(url, { method: 'POST', body, dispatcher, headers, signal, headersTimeout: timing.answerMs, bodyTimeout });
    if (answer.statusCode === 200) return { ok: true, value: answer.body };
    return { ok: false, failure: readFailure(answer.statusCode, await answer.body.text()) };
  };

  const authenticate = async (server: string, signal: AbortSignal): Promise<Failure | undefined> => {
    const { username, password } = access;
    if (username === undefined || password === undefined) return undefined;
    state.token = '';
    const body = JSON.stringify({ name: username, password: password.reveal() });
    const answer = await post(server, '/v3/auth/authenticate', body, signal, timing.answerMs);
    // A cluster without accounts needs none.
    if (!answer.ok) return /not enabled/.test(answer.failure.message) ? undefined : answer.failure;
    state.token = readToken(await answer.value.text());
    return undefined;
  };

  /** One member; with a new token where there is none yet or the old one is void. */
  const askMember = async (server: string, path: string, body: string, signal: AbortSignal, bodyTimeout: number): Promise<Answer<Body>> => {
    const fresh = state.token === '';
    const refused = fresh ? await authenticate(server, signal) : undefined;
    if (refused !== undefined) return { ok: false, failure: refused };
    const answer = await post(server, path, body, signal, bodyTimeout);
    if (answer.ok || answer.failure.code !== 'DATASTORE_UNAUTHORIZED' || fresh) return answer;
    const again = await authenticate(server, signal);
    return again === undefined ? post(server, path, body, signal, bodyTimeout) : { ok: false, failure: again };
  };

  /** Each member once, beginning with the one that answered last. */
  const askAny = async (path: string, body: string, signal: AbortSignal, bodyTimeout: number): Promise<Answer<Body>> => {
    let failure = broken('no member');
    try {
      const servers = await findEndpoints(access);
      for (let tried = 0; tried < servers.length && !signal.aborted; tried += 1) {
        const server = servers[state.member % servers.length] ?? '';
        const answer = await askMember(server, path, body, signal, bodyTimeout).catch(
          (error: unknown): Answer<Body> => ({ ok: false, failure: networkFailure(error) }),
        );
        if (answer.ok) return answer;
        failure = answer.failure;
        if (failure.code !== 'DATASTORE_UNREACHABLE' && failure.code !== 'DATASTORE_ERROR') break;
        state.member += 1;
      }
    } catch (error) {
      failure = networkFailure(error);
    }
    return { ok: false, failure };
  };

  return {
    async ask(path, body, signal) {
      const answer = await askAny(path, body, signal, timing.answerMs);
      if (!answer.ok) return answer;
      try {
        return { ok: true, value: await answer.value.text() };
      } catch (error) {
        return { ok: false, failure: networkFailure(error) };
      }
    },
    stream: (path, body, signal) => askAny(path, body, signal, 0),
    leave() {
      state.member += 1;
    },
    close: () => dispatchers.close(),
  };
}
