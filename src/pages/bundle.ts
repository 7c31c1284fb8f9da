import { join } from 'node:path';

/** What runs in browsers, by the page's kind. */
export const SCRIPTS = { shop: 'shop/start.tsx', ops: 'ops/start.tsx' } as const;
export type ScriptName = keyof typeof SCRIPTS;

export type Scripts = Readonly<Record<ScriptName, string>>;

/**
 * Each script with all that it imports as one minified file. Rejects with what the bundler said. It runs in a process of its own, as a
 * checkout asks for it when the first page is opened, and as `npm run build` asks for it inside a macro (prebuilt.ts), where
 * `Bun.build` would wait for itself.
 */
export async function bundleScripts(): Promise<Scripts> {
  const names = Object.keys(SCRIPTS) as ScriptName[];
  const texts = await Promise.all(names.map(bundle));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]])) as Scripts;
}

async function bundle(name: ScriptName): Promise<string> {
  const entry = join(import.meta.dir, SCRIPTS[name]);
  const child = Bun.spawn(
    [process.execPath, 'build', '--minify', '--target=browser', '--production', entry],
    {
      // Where the settings of JSX are.
      cwd: join(import.meta.dir, '..', '..'),
      env: {},
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  const [text, complaint, exit] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exit !== 0) throw new Error(`The script of the page ${name} could not be bundled: ${complaint}`);
  return text;
}
