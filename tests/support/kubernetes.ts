import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, ROOT, runToEnd } from './command.ts';
import { installPython } from './python.ts';

/** The manifests of deploy/kubernetes, rendered by kubectl and judged by the schemas of Kubernetes. */

export const MANIFESTS = join(ROOT, 'deploy', 'kubernetes');
/** One file per schema and version is in it. */
const VALIDATOR = 'kubernetes-validate==1.37.0';
/** Resources that an operator of theirs brings, which no schema of Kubernetes knows. */
const CUSTOM = ['PodMonitor'];

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  // biome-ignore lint/suspicious/noExplicitAny: the schemas say what is in it.
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
}
export type Labels = Readonly<Record<string, string>>;

/** Null, or why manifests cannot be rendered: kubectl is not there, or is older than what they use. */
export async function whyNoKubectl(): Promise<string | null> {
  if (!Bun.which('kubectl')) return 'there is no kubectl, and Debian has one that is too old';
  const { exit, stderr } = await kustomize(join(MANIFESTS, 'base'));
  return exit === 0 || !/unknown (field|command)|json: unknown/.test(stderr)
    ? null
    : `this kubectl is too old: ${stderr.trim()}`;
}

/** A copy in which the examples of secrets take the place of real ones. */
export function copyManifests(folder: string): void {
  // What somebody has in a folder `secrets` of their own stays there.
  cpSync(MANIFESTS, folder, { recursive: true, filter: (path) => !path.endsWith('/secrets') });
  const production = join(folder, 'overlays', 'production');
  cpSync(join(production, 'secrets.example'), join(production, 'secrets'), { recursive: true });
}

/** The objects of a folder with a kustomization. */
export async function render(folder: string): Promise<Manifest[]> {
  const { exit, stdout, stderr } = await kustomize(folder);
  if (exit !== 0) throw new Error(`kubectl kustomize ${folder}: ${stderr}`);
  return stdout.split(/^---$/m).map((text) => Bun.YAML.parse(text) as Manifest);
}

function kustomize(folder: string): Promise<Ended> {
  return runToEnd(['kubectl', 'kustomize', folder]);
}

/** Says what is wrong with these objects in that version of Kubernetes, fields that it does not know included. */
export type Validate = (manifests: readonly Manifest[], version: string) => Promise<readonly string[]>;

/** Installs the validator in a folder of the test's; null where that cannot be done. */
export async function installValidator(folder: string): Promise<Validate | null> {
  const env = await installPython(VALIDATOR, folder);
  if (!env) return null;
  return async (manifests, version) => {
    const path = join(folder, 'manifests.yaml');
    const known = manifests.filter(({ kind }) => !CUSTOM.includes(kind));
    // JSON is YAML, too.
    await Bun.write(path, known.map((manifest) => JSON.stringify(manifest)).join('\n---\n'));
    const { exit, stdout, stderr } = await runToEnd(
      ['python3', '-m', 'kubernetes_validate', '--strict', '-k', version, path],
      { env },
    );
    const lines = (stdout + stderr).split('\n').filter((line) => line !== '');
    const passed = lines.filter((line) => line.startsWith('INFO') && line.includes(' passed '));
    if (exit === 0 && passed.length === known.length) return [];
    return lines.filter((line) => !passed.includes(line)).concat(`exit ${exit}, ${passed.length} passed`);
  };
}
