import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type Env, type ServerProcess, startServer, startWorker } from '../../bench/server-process.ts';
import { freePorts } from '../../bench/services/ports.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { copyManifests, type Manifest, render, whyNoKubectl } from '../support/kubernetes.ts';
import { type OwnBackends, ownBackends } from '../support/own-backends.ts';
import { until } from '../support/until.ts';

/** The processes of the pods of deploy/kubernetes/overlays/production, with the settings that are written there. */

const OPEN_TIMEOUT_MS = 60_000;
const TOKEN = 'the-operators-of-the-pods';
const why = await whyNoKubectl();
if (why) console.error(`pulsecart: the manifests are not rendered: ${why}`);

onDistributedBackends(() => {
  const folder = temporaryFolder();
  let backends: OwnBackends;
  let manifests: Manifest[];
  beforeAll(async () => {
    if (why) return;
    copyManifests(folder.path);
    manifests = await render(join(folder.path, 'overlays', 'production'));
    backends = await ownBackends();
  }, OPEN_TIMEOUT_MS);
  afterAll(async () => {
    folder[Symbol.dispose]();
    await backends?.[Symbol.asyncDispose]();
  }, OPEN_TIMEOUT_MS);

  const podOf = (name: string) =>
    manifests.find(({ kind, metadata }) => /^(Deployment|Job)$/.test(kind) && metadata.name === name)!.spec
      .template.spec;

  /** Its variables, with files and a management port of this machine in the place of the pod's. */
  async function envOf(name: string, managementPort: number): Promise<Env> {
    const { containers, volumes } = podOf(name);
    const [{ env = [], envFrom, volumeMounts }] = containers;
    const objectOf = (wanted: string, named: string) =>
      manifests.find(({ kind, metadata }) => kind === wanted && metadata.name === named)!.data!;
    const variables: Record<string, string> = { ...objectOf('ConfigMap', envFrom[0].configMapRef.name) };
    for (const { name, value } of env) variables[name] = value;
    const volume = volumes.find((volume: Manifest['spec']) => volume.secret);
    const { mountPath } = volumeMounts.find((mount: Manifest['spec']) => mount.name === volume.name);
    const values: Env = { ...backends.env, PULSECART_OPERATOR_TOKEN: TOKEN };
    for (const key of Object.keys(objectOf('Secret', volume.secret.secretName))) {
      const variable = Object.keys(variables).find((name) => variables[name] === `${mountPath}/${key}`)!;
      const path = join(folder.path, key);
      await Bun.write(path, values[variable.replace('_FILE', '')]!);
      variables[variable] = path;
    }
    expect(Object.values(variables).filter((value) => value.startsWith(mountPath))).toEqual([]);
    return {
      ...variables,
      PULSECART_NAMESPACE: backends.env.PULSECART_NAMESPACE!,
      // The backends of tests have none of their own.
      PULSECART_ALLOW_DEFAULT_CREDENTIALS: 'on',
      PULSECART_MANAGEMENT_PORT: `${managementPort}`,
    };
  }

  test.skipIf(why !== null)(
    'the tables are migrated, a server takes a purchase, a worker decides and charges it, and all probes are answered',
    async () => {
      const [apiPort, workerPort] = (await freePorts(2)) as [number, number];
      const jobEnv = await envOf('pulsecart-migrate', apiPort);
      const { args } = podOf('pulsecart-migrate').containers[0];
      const migrated = await runPulsecart(args, jobEnv);
      expect([migrated.exit, migrated.stderr]).toEqual([0, '']);
      expect(JSON.parse(migrated.stdout)).toMatchObject({ from: 0, pending: 0 });

      expect(podOf('pulsecart-api').containers[0].args).toEqual(['serve']);
      expect(podOf('pulsecart-worker').containers[0].args).toEqual(['worker']);
      const server = await startServer({ env: await envOf('pulsecart-api', apiPort) });
      const worker = await startWorker(await envOf('pulsecart-worker', workerPort)).catch(async (error) => {
        await server.kill();
        throw error;
      });
      try {
        await expectProbes(podOf('pulsecart-api'), apiPort);
        await expectProbes(podOf('pulsecart-worker'), Number(new URL(worker.url).port));
        expect((await fetch(`${localOf(server)}/actuator/health`)).status).toBe(404);
        await buyAsync(localOf(server));
        const warnings = (server.log() + worker.log())
          .split('\n')
          .filter((line) => /"level":"(warn|error)"/.test(line));
        expect(warnings).toEqual([]);
        expect(await Promise.all([server.stop(), worker.stop()])).toEqual([0, 0]);
      } finally {
        await Promise.all([server.kill(), worker.kill()]);
      }
    },
    OPEN_TIMEOUT_MS,
  );
});

async function expectProbes(pod: Manifest['spec'], port: number): Promise<void> {
  const [{ startupProbe, readinessProbe, livenessProbe }] = pod.containers;
  for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) {
    expect(httpGet.port).toBe('management');
    const { status } = await fetch(`http://127.0.0.1:${port}${httpGet.path}`);
    expect([httpGet.path, status]).toEqual([httpGet.path, 200]);
  }
}

/** Puts a unit on sale and buys it by way of the queue; ends when the worker has decided and charged it. */
async function buyAsync(url: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` };
  const reset = await fetch(`${url}/api/v1/sync/stock/1/reset?stock=1`, { method: 'PUT', headers });
  expect(reset.status).toBe(200);
  const body = JSON.stringify({ productId: 1, quantity: 1 });
  const taken = await fetch(`${url}/api/v1/async/purchase`, { method: 'POST', headers, body });
  const { trackingId } = (await taken.json()) as { trackingId: string };
  await until(async () => {
    const read = await fetch(`${url}/api/v1/async/purchase/${trackingId}`);
    return ((await read.json()) as { status: string }).status === 'confirmed';
  });
}

/** A server that listens on all addresses. */
function localOf({ url }: ServerProcess): string {
  return `http://127.0.0.1:${new URL(url).port}`;
}
