import type { Webhooks } from '../app/webhooks/deliverer.ts';
import type { Clock } from '../domain/clock.ts';
import type { WebhookEvents } from '../ports/webhooks.ts';
import type { Metrics } from './metrics.ts';

/** Exports what shops have not heard, of the ledger, and what this process has told them. */
export function watchWebhooks(
  metrics: Metrics,
  { stats }: Pick<Webhooks, 'stats'>,
  ledger: Pick<WebhookEvents, 'webhookBacklog' | 'webhookTargets'>,
  clock: Clock,
): void {
  const counter = (name: string, help: string, read: () => number) =>
    metrics.watch(`pulsecart_webhooks_${name}_total`, help, 'counter', read);
  counter('delivered', 'Events that a webhook target has taken', () => stats.delivered);
  counter('failed', 'Tries to tell one in vain', () => stats.failed);
  counter('given_up', 'Events that became dead letters', () => stats.died);

  async function read() {
    const [backlog, targets] = await Promise.all([ledger.webhookBacklog(), ledger.webhookTargets()]);
    return { backlog, targets };
  }
  metrics.watchSource('webhooks', read, {
    pulsecart_webhooks_waiting: [
      'Events that webhook targets have not heard yet',
      ({ backlog }) => backlog.reduce((sum, { waiting }) => sum + waiting, 0),
    ],
    pulsecart_webhooks_oldest_age_seconds: [
      'Age of the oldest of them',
      ({ backlog }) =>
        backlog.reduce(
          (age, { oldestAt }) => (oldestAt === null ? age : Math.max(age, (clock() - oldestAt) / 1000)),
          0,
        ),
    ],
    pulsecart_webhooks_dead: [
      'Events that were given up and wait for an operator',
      ({ backlog }) => backlog.reduce((sum, { dead }) => sum + dead, 0),
    ],
    pulsecart_webhook_targets_disabled: [
      'Webhook targets that are disabled: they answered 410',
      ({ targets }) => targets.filter(({ disabledAt }) => disabledAt !== null).length,
    ],
  });
}
