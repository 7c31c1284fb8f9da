import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../bench/services/ports.ts';
import { makeWorkspace } from '../../bench/services/workspace.ts';
import { readDocument } from '../docs/documents.ts';
import { havePrometheus, runTool } from '../support/prometheus.ts';
import { installMissing } from '../support/services/install.ts';
import { until } from '../support/until.ts';

/** The alerts of deploy/prometheus, judged by Prometheus's own programs. */

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dir, '..', '..');
const FOLDER = join(ROOT, 'deploy', 'prometheus');
const RUNBOOK = 'docs/operating/deploy.md';
const rulesText = async () =>
  (await Promise.all(listed('rules').map((path) => Bun.file(path).text()))).join('\n');
const listed = (folder: string) =>
  readdirSync(join(FOLDER, folder)).map((name) => join(FOLDER, folder, name));
const readYaml = async (path: string) => Bun.YAML.parse(await Bun.file(path).text());
const rulesIn = async (path: string) =>
  ((await readYaml(path)) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
const alerts = (await Promise.all(listed('rules').map(rulesIn)))
  .flat()
  .filter(({ alert }) => alert !== undefined);
const hasPrometheus = await havePrometheus('promtool');
const HAPROXY = '/usr/sbin/haproxy';
if (!existsSync(HAPROXY)) await installMissing(['haproxy']);
const hasHaproxy = existsSync(HAPROXY);
const hasAlertmanager = await havePrometheus('amtool');

describe.skipIf(!hasPrometheus)('promtool', () => {
  test('takes the configuration and every rule', async () => {
    const config = await runTool('promtool', ['check', 'config', join(FOLDER, 'prometheus.yml')]);
    expect(config).toMatchObject({ exit: 0, said: expect.stringContaining('SUCCESS') });
    const rules = await runTool('promtool', [
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      ...listed('rules'),
    ]);
    expect(rules).toMatchObject({ exit: 0, said: expect.not.stringContaining('FAILED') });
  });

  test('sees each alert quiet while all is well, and firing for its reason', async () => {
    const tested = await runTool('promtool', ['test', 'rules', ...listed('tests')]);
    expect(tested).toMatchObject({ exit: 0, said: expect.not.stringContaining('FAILED') });
  }, 60_000);
});

test.skipIf(!hasAlertmanager)('amtool takes the sample of a configuration of Alertmanager', async () => {
  const path = join(ROOT, 'deploy', 'alertmanager', 'alertmanager.yml');
  expect(await runTool('amtool', ['check-config', path])).toMatchObject({ exit: 0 });
  const { inhibit_rules: rules } = (await readYaml(path)) as {
    inhibit_rules: { source_matchers: string[]; target_matchers: string[] }[];
  };
  const named = rules.flatMap(({ source_matchers: from, target_matchers: to }) =>
    [...from, ...to].flatMap((matcher) =>
      /\((.*)\)/
        .exec(matcher)![1]!
        .split('|')
        .map((name) => `PulseCart${name}`),
    ),
  );
  expect(named.length).toBeGreaterThan(3);
  const known = alerts.map(({ alert }) => alert);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
});

test.skipIf(!hasHaproxy)('HAProxy has the metrics that rules name, with their labels', async () => {
  const [port, statistics] = (await freePorts(2)) as [number, number];
  const workspace = makeWorkspace('haproxy', [port, statistics], { account: 'haproxy', endsWith: 'SIGKILL' });
  writeFileSync(join(workspace.folder, 'haproxy.cfg'), haproxyConfig(port, statistics));
  const child = workspace.spawn([HAPROXY, '-db', '-f', 'haproxy.cfg']);
  try {
    let text = '';
    const names = (await rulesText()).match(/\bhaproxy_\w+\{[a-z]+="\w+"/g)!;
    expect(names.length).toBeGreaterThan(1);
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${statistics}/metrics`).catch(() => null);
      text = (await answer?.text()) ?? '';
      return text.includes('haproxy_server_status{proxy="sync",server="app1",state="DOWN"} 1\n');
    });
    for (const name of names) {
      const [metric, label] = name.split('{') as [string, string];
      expect(text).toMatch(new RegExp(`^${metric}\\{.*${label}.*\\} \\d+$`, 'm'));
    }
  } finally {
    child.kill('SIGKILL');
    await child.exited;
    workspace.remove();
  }
});

test('each alert is tried both ways, and says how bad it is, what it means and where to read on', async () => {
  expect(alerts.length).toBeGreaterThan(20);
  const cases = (await Promise.all(listed('tests').map((path) => Bun.file(path).text()))).join('\n');
  for (const { alert, labels, annotations } of alerts) {
    const trials = [...cases.matchAll(/alertname="(\w+)".*\n.*\n.*value: (\d)/g)].filter(
      ([, name]) => name === alert,
    );
    expect([alert, new Set(trials.map(([, , value]) => value))]).toEqual([alert, new Set(['0', '1'])]);
    expect(['critical', 'warning']).toContain(labels!.severity!);
    const { summary, description, runbook_url: runbook } = annotations!;
    expect([summary, description].every((text) => text!.length > 20)).toBe(true);
    expect(runbook).toBe(`${RUNBOOK}#alert-${alert!.replace('PulseCart', '').toLowerCase()}`);
  }
});

test('what to do first is written down for each alert', () => {
  const headings = [...readDocument(RUNBOOK).matchAll(/^#+ (.*)$/gm)].map(([, text]) => text!.toLowerCase());
  const missing = alerts.filter(
    ({ alert }) => !headings.includes(`alert ${alert!.replace('PulseCart', '').toLowerCase()}`),
  );
  expect(missing.map(({ alert }) => alert)).toEqual([]);
});

/** A backend that is away, and the exporter. */
function haproxyConfig(port: number, statistics: number): string {
  return `defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend shop
  bind 127.0.0.1:${port}
  default_backend sync
frontend statistics
  bind 127.0.0.1:${statistics}
  http-request use-service prometheus-exporter if { path /metrics }
backend sync
  server app1 127.0.0.1:1 check inter 100ms fall 1
`;
}
