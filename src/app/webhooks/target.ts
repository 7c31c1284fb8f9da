import { createHash } from 'node:crypto';
import type { WebhookTarget } from '../../ports/webhooks.ts';

/** A target as it is configured: `url` is what people see of `address`, without a query, which may have a secret in it. */
export interface ConfiguredTarget extends WebhookTarget {
  readonly address: string;
}

/** A hash of the address, so that the same target is known again after a restart, and by every process. */
export function targetOf(address: string): ConfiguredTarget {
  const { origin, pathname } = new URL(address);
  const id = createHash('sha256').update(address).digest('hex').slice(0, 12);
  return { id, url: `${origin}${pathname}`, address };
}
