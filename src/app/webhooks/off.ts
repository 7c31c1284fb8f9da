import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { WebhookEvents } from '../../ports/webhooks.ts';
import type { Leader } from '../maintenance/leader.ts';
import type { Webhooks } from './deliverer.ts';

const LOOK_EVERY_MS = 60_000;

/**
 * Webhooks where no target is configured. The ledger may have targets all the same, of a server before this one or of another
 * process that still delivers; without one that does, orders must not go on writing events that nobody will read.
 */
export function createNoWebhooks(
  ledger: Pick<WebhookEvents, 'setWebhookTargets' | 'webhookTargets'>,
  isLeader: Leader['isLeader'],
  log: Log,
): Webhooks {
  const job = createPeriodic(look, {
    everyMs: LOOK_EVERY_MS,
    onFailure: (error) => log.warn({ err: error }, 'webhook targets could not be read'),
  });

  async function look(): Promise<void> {
    if ((await ledger.webhookTargets()).length === 0 || !(await isLeader('webhooks'))) return;
    await ledger.setWebhookTargets([]);
    log.warn('no webhook target is configured any more: orders are no longer told');
  }

  return {
    stats: { delivered: 0, failed: 0, died: 0 },
    begin: look,
    start: () => job.runIn(LOOK_EVERY_MS),
    close: job.close,
  };
}
