import type { Duplex } from 'node:stream';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { AppError } from '../../domain/errors.ts';

/** Limit for a broker that does not answer the handshake, frozen or behind a dropping firewall. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/**
 * A silence of two to three of these ends a connection. RabbitMQ advises 5 s to 20 s; the low end, because a consumer on a
 * half-open connection gets nothing and does not notice otherwise.
 */
const HEARTBEAT_S = 5;

export interface Target {
  readonly url: string;
  /** For display: host, port and virtual host, never the password. */
  readonly shown: string;
}

/** Rejects what cannot be a broker's URL, without repeating it: it holds a password. */
export function readTarget(url: string): Target {
  // The error of URL contains its whole input, so it is not kept as the cause.
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

/** One attempt. Rejects with an AppError that names the defect in one sentence. */
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

/** Ends a connection abruptly, in any state of it or the broker. Its channels and confirms fail. */
export function cut(connection: ChannelModel, reason: string): void {
  // amqplib has no public way: close() waits for an answer that a frozen broker never sends.
  const { stream } = connection.connection as unknown as { stream: Duplex };
  stream.destroy(new Error(reason));
}

/**
 * Cuts the connection when one of its channels ends, because a broker's reasons concern the whole connection (a deleted
 * queue, an acknowledgement after half an hour): then all is declared again. Returns a function that detaches the channel.
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
 * A refusal of the broker (password, virtual host, permission, other arguments of a queue) needs an operator; other
 * failures may pass.
 */
export function explain(error: unknown, { shown }: Target): AppError {
  if (error instanceof AppError) return error;
  const text =
    error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
  // amqplib hides the broker's own message here.
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
