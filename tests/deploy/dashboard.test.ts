import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runCrowd } from '../../bench/crowd.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { havePrometheus, type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { eventually } from '../support/shop.ts';

/** The dashboard and the rules, on a real Prometheus that scrapes real processes during a crowd. */

const ROOT = join(import.meta.dir, '..', '..');
const RULES = join(ROOT, 'deploy', 'prometheus', 'rules');
const OPEN_TIMEOUT_MS = 90_000;
const CROWD = 1_500;
const CROWD_PER_S = 500;
/** What `$__rate_interval` stands for: four scrapes at least in Grafana, the whole crowd here. */
const RATE_INTERVAL = '30s';
const hasPrometheus = await havePrometheus('prometheus', 'promtool');

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const dashboard = (await Bun.file(
  join(ROOT, 'deploy/grafana/dashboards/pulsecart.json'),
).json()) as Dashboard;
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
);

onDistributedBackends(() => {
  describe.skipIf(!hasPrometheus)('during a crowd', () => {
    let shop: DistributedShop;
    let prometheus: Prometheus;
    beforeAll(async () => {
      shop = await openDistributedShop({
        instances: 2,
        workers: 1,
        env: { PULSECART_MANAGEMENT_PORT: '0', PULSECART_WORKER: 'off' },
      });
      const { management } = JSON.parse(
        shop.server
          .log()
          .split('\n')
          .find((line) => line.includes('"ready"'))!,
      );
      prometheus = await startPrometheus(await configFor({ api: management, worker: shop.workers[0]!.url }));
      await eventually(async () => (await prometheus.query('up == 1')).length === 2);
      await shop.reset(1, CROWD / 2);
      const { record } = await runCrowd({
        ...{ url: shop.url, productId: 1, quantity: 1, users: CROWD, ratePerS: CROWD_PER_S },
        ...{ mode: 'both', seed: 1, patienceMs: 30_000 },
      });
      expect(record.count('sold') + record.count('confirmed')).toBe(CROWD / 2);
      // The last scrape has seen the end of it.
      await eventually(async () => (await sum('pulsecart_purchases_total')) === CROWD);
    }, OPEN_TIMEOUT_MS);
    afterAll(async () => {
      await prometheus?.[Symbol.asyncDispose]();
      await shop?.[Symbol.asyncDispose]();
    }, OPEN_TIMEOUT_MS);
    const sum = async (name: string) => (await prometheus.query(`sum(${name})`))[0]?.value;

    test('every query of the dashboard returns data', async () => {
      expect(queries.length).toBeGreaterThan(40);
      const found = await Promise.all(
        queries.map(async ({ title, expr, legendFormat }) => {
          const values = await prometheus.query(expr.replaceAll('$__rate_interval', RATE_INTERVAL));
          const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
          const isNamed = values.every(({ labels }) => named.every((label) => labels[label]));
          return values.some(({ value }) => !Number.isNaN(value)) && isNamed ? [] : [{ title, expr }];
        }),
      );
      expect(found.flat()).toEqual([]);
      for (const { expr } of dashboard.annotations.list) await prometheus.query(expr);
    });

    test('it shows what the crowd did', async () => {
      const shown = async (title: string) => {
        const { expr } = queries.find((query) => query.title === title)!;
        return (await prometheus.query(expr.replaceAll('$__rate_interval', RATE_INTERVAL)))[0]!.value;
      };
      await eventually(async () => (await shown('Units sold')) === CROWD / 2);
      expect(await shown('Oversold')).toBe(0);
      expect(await shown('Without an answer of the sale')).toBe(0);
    });

    test('every metric that a rule names is there, every rule is evaluated, and no alert fires', async () => {
      const text = readdirSync(RULES).map((name) => Bun.file(join(RULES, name)).text());
      const expressions = (await Promise.all(text))
        .join('\n')
        .replaceAll(/^\s*(#|summary:|description:).*$/gm, '');
      const names = new Set(expressions.match(/\b(?:pulsecart|nodejs|process)_\w+/g));
      expect(names.size).toBeGreaterThan(20);
      const counts = await Promise.all([...names].map(async (name) => [name, await sum(name)]));
      expect(counts.filter(([, value]) => value === undefined)).toEqual([]);
      const all = await rules();
      expect(all.length).toBeGreaterThan(30);
      expect(all.filter(({ health }) => health !== 'ok')).toEqual([]);
      expect(all.filter(({ state }) => state === 'firing')).toEqual([]);
    });

    test('an alert fires when its reason comes, and the metrics are read as OpenMetrics', async () => {
      // A busy machine may let one of the scrapes take too long.
      await eventually(async () => {
        const { activeTargets } = await prometheus.read<{ activeTargets: { lastError: string }[] }>(
          '/api/v1/targets',
        );
        return activeTargets.length === 2 && activeTargets.every(({ lastError }) => lastError === '');
      });
      // Only OpenMetrics has it so.
      expect(await prometheus.query('pulsecart_purchase_seconds_bucket{le="1.0"}')).not.toEqual([]);
      await shop.workers[0]!.kill();
      await eventually(async () =>
        (await rules()).some(({ name, state }) => name === 'PulseCartProcessDown' && state === 'pending'),
      );
    });

    async function rules() {
      const { groups } = await prometheus.read<{
        groups: { rules: { name: string; health: string; lastError?: string; state?: string }[] }[];
      }>('/api/v1/rules');
      return groups.flatMap(({ rules }) => rules);
    }
  });
});

/** The configuration of the stack, with these targets and a shorter pace. */
async function configFor(urls: Readonly<Record<string, string>>): Promise<object> {
  const path = join(ROOT, 'deploy', 'prometheus', 'prometheus.yml');
  const config = Bun.YAML.parse(await Bun.file(path).text()) as {
    global: object;
    rule_files: string[];
    scrape_configs: {
      job_name: string;
      static_configs: { targets: string[]; labels?: { role: string } }[];
    }[];
  };
  const ours = config.scrape_configs.find(({ job_name: name }) => name === 'pulsecart')!;
  const roles = ours.static_configs.map(({ labels }) => labels!.role);
  expect(roles.toSorted()).toEqual(Object.keys(urls).toSorted());
  const targets = ours.static_configs.map((one) => ({
    ...one,
    targets: [new URL(urls[one.labels!.role]!).host],
  }));
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: config.rule_files.map((pattern) => join(ROOT, 'deploy', 'prometheus', pattern)),
    scrape_configs: [{ ...ours, static_configs: targets }],
  };
}
