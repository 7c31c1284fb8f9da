// Reads the settings of a `.env` file here, because Bun's own reader expands `$` and cuts a value at `#`: a password that has
// one of them would become another.
import { readFileSync } from 'node:fs';

/** `NAME=value`, the value as it is written; in quotes of either kind it keeps its spaces. */
const LINE = /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(.*?)[ \t]*$/gm;
const QUOTED = /^(["'])(.*)\1$/;
/** Where the program finds which file a variable is from: `PORT=.env DATABASE_URL=.env.local`. */
const SOURCES = 'PULSECART_ENV_SOURCES';

/** `env`, and what it lacks from the files of this folder, the strongest first. */
export function withEnvFiles(env) {
  const values = {};
  const sources = [];
  for (const file of ['.env.local', `.env.${env.NODE_ENV || 'development'}`, '.env']) {
    const found = {};
    // In a file the last line of a name counts.
    for (const [, name, value] of read(file).matchAll(LINE)) found[name] = value.replace(QUOTED, '$2');
    for (const [name, value] of Object.entries(found)) {
      if (name in env || name in values) continue;
      values[name] = value;
      sources.push(`${name}=${file}`);
    }
  }
  return { ...values, ...env, [SOURCES]: sources.join(' ') };
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
      .replace(/^\uFEFF/, '')
      .replaceAll('\r', '');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EISDIR') return '';
    console.error(`pulsecart: ${file} cannot be read: ${error.message}`);
    process.exit(1);
  }
}
