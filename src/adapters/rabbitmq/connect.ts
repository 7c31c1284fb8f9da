import type { Duplex } from 'node:stream';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { AppError } from '../../domain/errors.ts';

/** A broker that does not answer the handshake, frozen or behind a dropping firewall. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/**
 * Silence of two to three of these ends a connection. RabbitMQ advises 5 s to 20 s; the low end, because a consumer on a
 * half-open connection gets nothing and does not notice otherwise.
 */
const HEARTBEAT_S = 5;

export interface Target {
  readonly url: string;
  /** For messages: host, port and virtual host, never the password. */
  readonly shown: string;
}

/** Rejects what cannot be a broker's URL, without repeating it: it holds a password. */
export function readTarget(url: string): Target {
  // What URL throws has its whole input in it, so there is no cause here.
  const parsed = URL.parse(url);
  const vhost = parsed && vhostOf(parsed);
  if (!parsed || vhost === null) throw new AppError('unusable_store', 'The RabbitMQ URL cannot be read.');
  if (parsed.protocol !== 'amqp:' && parsed.protocol !== 'amqps:') {
    const message = `The RabbitMQ URL must begin with amqp:// or amqps://, not ${parsed.protocol}//.`;
    throw new AppError('unusable_store', message);
  }
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(HEARTBEAT_S));
  return { url: parsed.href, shown: `RabbitMQ at ${parsed.host} (virtual host ${vhost})` };
}

function vhostOf({ pathname }: URL): string | null {
  try {
    return decodeURIComponent(pathname.slice(1)) || '/';
  } catch {
    return null;
  }
}

/** One attempt. Rejects with an AppError that says in one sentence what is wrong. */
export async function connectOnce(target: Target, connectionName: string): Promise<ChannelModel> {
  try {
    return await connect(target.url, {
      noDelay: true,
      timeout: HANDSHAKE_TIMEOUT_MS,
      clientProperties: { connection_name: connectionName },
    });
  } catch (error) {
    throw explain(error, target);
  }
}

export function serverVersionOf(connection: ChannelModel): string {
  return String(connection.connection.serverProperties.version);
}

/** Ends a connection without a farewell, whatever state it or the broker is in. Its channels and confirms fail. */
export function cut(connection: ChannelModel, reason: string): void {
  // amqplib has no public way: close() waits for an answer that a frozen broker does not give.
  const { stream } = connection.connection as unknown as { stream: Duplex };
  stream.destroy(new Error(reason));
}

/**
 * Cuts the connection when one of its channels ends, which a broker does for reasons that concern the whole (a queue is
 * gone, an acknowledgement came after half an hour): then everything is made anew. Answers how to let the channel go.
 */
export function endWith(connection: ChannelModel, channel: Channel): () => void {
  let reason = 'a channel was closed';
  const onError = (error: Error) => {
    reason = error.message;
  };
  const onClose = () => cut(connection, reason);
  // Without a listener for errors they would end the process, so that one stays.
  channel.on('error', onError);
  channel.on('close', onClose);
  return () => channel.off('close', onClose);
}

/**
 * What the broker refuses (password, virtual host, permission, other arguments of a queue) only a human can change; what
 * else fails may pass.
 */
export function explain(error: unknown, { shown }: Target): AppError {
  if (error instanceof AppError) return error;
  const text =
    error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
  // amqplib keeps the broker's own words to itself here.
  if (text.includes('Expected ConnectionOpenOk; got <ConnectionClose')) {
    const message = `${shown} refused: the virtual host is not there, or this user may not use it.`;
    return new AppError('unusable_store', message, { cause: error });
  }
  const refusal = /\b(403|404|406|530)\b.*?with message "(?:[A-Z_]+ - )?(.*)"/s.exec(text);
  if (refusal) {
    return new AppError('unusable_store', `${shown} refused: ${refusal[2]}`, { cause: error });
  }
  return new AppError('unavailable', `${shown} cannot be reached: ${text}`, { cause: error });
}
