import { dirname, join } from 'node:path';

/** How to call npm from a script of ours: by the file that runs it now, or by its name. On Windows its name is a shell's script. */
export function npmCommand(env = process.env) {
  if (env.npm_execpath && /npm-cli\.c?js$/.test(env.npm_execpath))
    return [process.execPath, env.npm_execpath];
  if (process.platform !== 'win32') return ['npm'];
  return [process.execPath, join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js')];
}
