import { relative } from 'node:path';

/** What `bun --cpu-prof` writes, as far as it is read here: the format of Chrome's DevTools. Times are µs since 1970. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** From 0; -1 for what has no source. */
      readonly lineNumber: number;
    };
    /** The nodes that it called, by id. */
    readonly children?: readonly number[];
  }[];
  readonly startTime: number;
  /** The node that ran, by id, and the time since the sample before. There are none while the thread runs no JavaScript. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

type Node = CpuProfile['nodes'][number];

/** A part of the serving thread's CPU time, in µs for each request. */
export interface Cost {
  readonly name: string;
  readonly us: number;
}

export interface ProfileCosts {
  /** By self time, the most expensive first. */
  readonly functions: readonly Cost[];
  readonly files: readonly Cost[];
  /** The event loop, sockets and what else is not called by JavaScript. */
  readonly outsideUs: number;
}

/** What the runtime does on its own account. */
const RUNTIME = '(runtime)';

/**
 * The costs of `requests` that the thread served with `cpuMs` between two times. A sample stands for the usual time between two of
 * them; it is wall time, in which the thread may have waited for a core, so that all of them together are at most `cpuMs`.
 */
export function costsOf(
  profile: CpuProfile,
  { fromUs, toUs, cpuMs, requests }: { fromUs: number; toUs: number; cpuMs: number; requests: number },
  root: string,
): ProfileCosts {
  const frames = framesOf(profile, root);
  const hits = new Map<number, number>();
  const gapsUs: number[] = [];
  let atUs = profile.startTime;
  for (const [i, id] of profile.samples.entries()) {
    const gapUs = profile.timeDeltas[i]!;
    atUs += gapUs;
    if (atUs < fromUs || atUs > toUs) continue;
    gapsUs.push(gapUs);
    hits.set(id, (hits.get(id) ?? 0) + 1);
  }
  const usualUs = gapsUs.toSorted((a, b) => a - b)[gapsUs.length >> 1] ?? 0;
  const sampleUs = Math.min(usualUs, (cpuMs * 1000) / gapsUs.length);
  const [functions, files] = [new Map<string, number>(), new Map<string, number>()];
  const add = (costs: Map<string, number>, name: string, us: number) =>
    costs.set(name, (costs.get(name) ?? 0) + us);
  for (const [id, count] of hits) {
    const { name, file } = frames.get(id)!;
    const us = (count * sampleUs) / requests;
    add(files, file, us);
    add(functions, name, us);
  }
  return {
    functions: sorted(functions),
    files: sorted(files),
    outsideUs: (cpuMs * 1000 - gapsUs.length * sampleUs) / requests,
  };
}

/** What the nodes are called. A function of the runtime has no source: it is told by its caller's file, and costs that file. */
function framesOf({ nodes }: CpuProfile, root: string): Map<number, { name: string; file: string }> {
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node] as const)));
  const frameOf = (node: Node) => {
    const { functionName, url, lineNumber } = node.callFrame;
    if (url !== '') {
      const { path, file } = placeOf(url, root);
      return { name: `${functionName} ${path}:${lineNumber + 1}`.trimStart(), file };
    }
    let caller = callers.get(node.id);
    while (caller !== undefined && caller.callFrame.url === '') caller = callers.get(caller.id);
    if (caller === undefined) return { name: `${functionName} ${RUNTIME}`.trimStart(), file: RUNTIME };
    const { file } = placeOf(caller.callFrame.url, root);
    return { name: `${functionName || RUNTIME} in ${file}`, file };
  };
  return new Map(nodes.map((node) => [node.id, frameOf(node)]));
}

/** A path from the root or from the folder of packages, and the file or the package that costs are told of. */
function placeOf(url: string, root: string): { path: string; file: string } {
  // A module of the runtime, like node:fs.
  if (!url.startsWith('file://') && !url.startsWith('/')) return { path: url, file: url };
  const path = relative(root, url.startsWith('/') ? url : Bun.fileURLToPath(url));
  const [, inPackages, name] = /(?:^|.*\/)node_modules\/(((?:@[^/]+\/)?[^/]+).*)/.exec(path) ?? [];
  return { path: inPackages ?? path, file: name ?? path };
}

function sorted(costs: ReadonlyMap<string, number>): Cost[] {
  return [...costs].map(([name, us]) => ({ name, us })).toSorted((a, b) => b.us - a.us);
}
