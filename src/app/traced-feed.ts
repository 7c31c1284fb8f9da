import type { Changes } from '../ports/changes.ts';
import type { Feed } from '../ports/feed.ts';
import type { Tracing } from '../ports/tracing.ts';

/**
 * The feed, with a span in the trace of each sampled purchase whose changes go into it. It ends when the feed has taken them:
 * publishing waits for nothing.
 */
export function traceFeed(feed: Feed, tracing: Tracing): Feed {
  const attributes = {
    'messaging.system': tracing.systems.feed ?? '',
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'feed',
  };
  return {
    ...feed,
    publish(changes) {
      const spans = sampledIn(changes, tracing).map((parent) =>
        tracing.start('publish feed', { kind: 'producer', parent, attributes }),
      );
      feed.publish(changes);
      for (const span of spans) span.end();
    },
  };
}

function sampledIn({ reserved, decided }: Changes, { decisions }: Tracing) {
  if (decisions.size === 0) return [];
  return [...new Set([...reserved, ...decided])].flatMap((id) => decisions.get(id) ?? []);
}
