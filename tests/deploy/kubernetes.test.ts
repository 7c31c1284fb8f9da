import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { SHUTDOWN_DEADLINE_MS } from '../../src/cli/lifetime.ts';
import { readConfig } from '../../src/config.ts';
import { readDocument } from '../docs/documents.ts';
import { temporaryFolder } from '../support/folder.ts';
import {
  copyManifests,
  installValidator,
  type Labels,
  type Manifest,
  render,
  whyNoKubectl,
} from '../support/kubernetes.ts';

/** The manifests of deploy/kubernetes: whether Kubernetes would take them, and whether they fit together and fit the program. */

const RENDER_TIMEOUT_MS = 60_000;
/** The oldest that has what they use, and the newest whose schemas there are. */
const VERSIONS = ['1.30.0', '1.37.0'];
const ENVIRONMENTS = ['base', 'overlays/development', 'overlays/production', 'everything'] as const;
const why = await whyNoKubectl();
if (why) console.error(`pulsecart: the manifests are not rendered: ${why}`);
const folder = temporaryFolder();
const validate = why ? null : await installValidator(folder.path);
const rendered = new Map<string, readonly Manifest[]>();

beforeAll(async () => {
  if (why) return;
  const copy = join(folder.path, 'kubernetes');
  copyManifests(copy);
  // Production with every part that is optional.
  mkdirSync(join(copy, 'everything'));
  const parts = ['worker-autoscaling', 'pod-monitor'].map((name) => `../components/${name}`);
  const production = { resources: ['../overlays/production'], components: parts };
  await Bun.write(join(copy, 'everything', 'kustomization.yaml'), JSON.stringify(production));
  const names = [...ENVIRONMENTS, 'development-backends'];
  await Promise.all(names.map(async (name) => rendered.set(name, await render(join(copy, name)))));
}, RENDER_TIMEOUT_MS);
afterAll(() => folder[Symbol.dispose]());

describe.skipIf(!validate)('the schemas of Kubernetes', () => {
  test.each(VERSIONS)(
    '%s take every object, and no field that they do not know',
    async (version) => {
      expect(await validate!([...rendered.values()].flat(), version)).toEqual([]);
    },
    RENDER_TIMEOUT_MS,
  );

  test('would not take a misspelled field', async () => {
    const [pod] = ofKind('base', 'Deployment') as [Manifest];
    const misspelled = { ...pod, spec: { ...pod.spec, replica: 3 } };
    expect((await validate!([misspelled], VERSIONS[0]!)).join()).toContain("'replica' was unexpected");
  });
});

describe.skipIf(why !== null).each(ENVIRONMENTS)('%s', (name) => {
  test('runs as the image says, by the strictest standard for pods', () => {
    const dockerfile = readDocument('Dockerfile');
    const some = expect.stringMatching(/^\d+/);
    for (const { spec, kind } of pods(name)) {
      expect(dockerfile).toContain(
        `USER ${spec.securityContext.runAsUser}:${spec.securityContext.runAsGroup}`,
      );
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      const [{ securityContext, resources, livenessProbe, readinessProbe, startupProbe }] = spec.containers;
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(resources).toMatchObject({ requests: { cpu: some, memory: some }, limits: { memory: some } });
      const probes = [livenessProbe, readinessProbe, startupProbe];
      expect(probes.every((probe) => (kind === 'Job') === (probe === undefined))).toBe(true);
    }
  });

  test('gives a pod longer to stop than the program takes', () => {
    for (const { spec } of pods(name)) {
      const before = spec.containers[0].lifecycle?.preStop.sleep.seconds ?? 0;
      const { drainMs } = readConfig({
        ...settings(name),
        PULSECART_OPERATOR_TOKEN: 'the-operators-of-the-pods',
      });
      expect(drainMs).toBeLessThan(SHUTDOWN_DEADLINE_MS);
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(before + SHUTDOWN_DEADLINE_MS / 1000);
    }
  });

  test('opens the ports that the settings name, and leads buyers to the public one alone', () => {
    const { PORT, PULSECART_MANAGEMENT_PORT } = settings(name);
    const [api, worker] = ofKind(name, 'Deployment').map(
      ({ spec }) => spec.template.spec.containers[0].ports,
    );
    const management = { name: 'management', containerPort: Number(PULSECART_MANAGEMENT_PORT) };
    expect(api).toEqual([{ name: 'http', containerPort: Number(PORT) }, management]);
    expect(worker).toEqual([management]);
    const [service] = ofKind(name, 'Service') as [Manifest];
    expect(service.spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort)).toEqual(['http']);
    const [ingress] = ofKind(name, 'Ingress') as [Manifest];
    const [{ backend }] = ingress.spec.rules[0].http.paths;
    expect(backend.service).toEqual({
      name: service.metadata.name,
      port: { name: service.spec.ports[0].name },
    });
  });

  test('has no selector that finds nothing', () => {
    const found = (labels: Labels) =>
      pods(name).filter(({ labels: has }) =>
        Object.entries(labels).every(([key, value]) => has[key] === value),
      );
    const selectors = (rendered.get(name) ?? []).flatMap(({ kind, spec, metadata }) => {
      const constraints = spec?.template?.spec.topologySpreadConstraints ?? [];
      const inside =
        kind === 'Service' ? { matchLabels: spec.selector } : (spec?.selector ?? spec?.podSelector);
      const all = [inside, ...constraints.map((constraint: Manifest['spec']) => constraint.labelSelector)];
      return all.filter(Boolean).map(({ matchLabels }) => ({ of: `${kind} ${metadata.name}`, matchLabels }));
    });
    expect(selectors.length).toBeGreaterThan(10);
    expect(selectors.filter(({ matchLabels }) => found(matchLabels).length === 0)).toEqual([]);
  });
});

describe.skipIf(why !== null)('autoscaling', () => {
  test('has its target to itself: an apply does not put the number of pods back', () => {
    const targets = ofKind('everything', 'HorizontalPodAutoscaler').map(
      ({ spec }) => spec.scaleTargetRef.name,
    );
    expect(targets).toEqual(['pulsecart-api', 'pulsecart-worker']);
    expect(ofKind('everything', 'Deployment').map(({ spec }) => spec.replicas)).toEqual([
      undefined,
      undefined,
    ]);
    expect(ofKind('base', 'Deployment').map(({ spec }) => spec.replicas)).toEqual([3, 2]);
  });

  test('of workers goes by metrics that there are, and that the adapter passes on', async () => {
    const [, autoscaler] = ofKind('everything', 'HorizontalPodAutoscaler') as [Manifest, Manifest];
    const adapter = join(
      'deploy',
      'kubernetes',
      'components',
      'worker-autoscaling',
      'prometheus-adapter.yaml',
    );
    const { rules } = Bun.YAML.parse(readDocument(adapter)) as {
      rules: { external: [{ seriesQuery: string }] };
    };
    const series = new RegExp(`^(${/=~"([^"]+)"/.exec(rules.external[0].seriesQuery)![1]})$`);
    const names = autoscaler.spec.metrics.map((metric: Manifest['spec']) => metric.external.metric.name);
    expect(names.length).toBe(2);
    for (const name of names) {
      expect(name).toMatch(series);
      // A test compares that page's metrics with those of a server.
      expect(readDocument('docs/operating.md')).toContain(`\`${name}\``);
    }
  });
});

test.skipIf(why !== null)('production runs this version', () => {
  const images = pods('overlays/production').map(({ spec }) => spec.containers[0].image.split(':')[1]);
  expect(new Set(images)).toEqual(new Set([packageJson.version]));
});

test.skipIf(why !== null)('pods may reach the backends that the secrets name', () => {
  const policy = ofKind('base', 'NetworkPolicy').find(({ spec }) => spec.egress)!;
  for (const name of ['overlays/development', 'overlays/production']) {
    const [secret] = ofKind(name, 'Secret') as [Manifest];
    const urls = Object.values(secret.data!).map((text) => atob(text.replaceAll(/\s/g, '')).trim());
    const open = urls.filter((text) => text.includes('://')).map((text) => new URL(text));
    expect(open.length).toBe(3);
    for (const { protocol, hostname, port } of open) {
      const number = Number(port) || { 'postgres:': 5432, 'redis:': 6379, 'amqp:': 5672 }[protocol];
      const [, namespace] = hostname.split('.');
      const rule = policy.spec.egress.find(({ to }: { to: Manifest['spec'][] }) =>
        to.some((peer) => peer.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] === namespace),
      );
      expect(rule.ports.map((rule: { port: number }) => rule.port)).toContain(number);
    }
  }
});

function ofKind(name: string, kind: string): Manifest[] {
  return (rendered.get(name) ?? []).filter((manifest) => manifest.kind === kind);
}

function pods(name: string) {
  const owners = (rendered.get(name) ?? []).filter(({ spec }) => spec?.template);
  expect(owners.length).toBe(3);
  return owners.map(({ kind, spec: { template } }) => ({
    kind,
    labels: template.metadata.labels as Labels,
    spec: template.spec,
  }));
}

/** Without those of secrets, which are files of a pod. */
function settings(name: string): Readonly<Record<string, string>> {
  const [map] = ofKind(name, 'ConfigMap') as [Manifest];
  return Object.fromEntries(Object.entries(map.data!).filter(([variable]) => !variable.endsWith('_FILE')));
}
