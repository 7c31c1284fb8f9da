import { type Literals, literal, text } from './code.ts';
import type { ExampleRequest } from './example-request.ts';

/** Without one `requests` would wait for ever. */
const TIMEOUT_S = 10;
/** A stream says every 15 seconds that it stands. */
const SILENCE_S = 60;

/** A script that makes the request with `requests`, which is what most scripts have. */
export function pythonOf(request: ExampleRequest): string {
  const { method, url, forOperators, headers, body, answer } = request;
  const sent = [
    ...(forOperators ? ['"Authorization": f"Bearer {token}"'] : []),
    ...headers.map(([name, value]) => `${text(name)}: ${text(value)}`),
  ];
  const given = [
    text(url),
    ...(sent.length > 0 ? [`headers={${sent.join(', ')}}`] : []),
    ...(body ? [`json=${literal(body.value, PYTHON, PYTHON.step)}`] : []),
    ...(answer === 'stream' ? ['stream=True', `timeout=${SILENCE_S}`] : [`timeout=${TIMEOUT_S}`]),
  ];
  const lines = given.map((one) => `${PYTHON.step}${one},\n`).join('');
  return [
    ...(forOperators ? ['import os', ''] : []),
    'import requests',
    '',
    ...(forOperators ? ['token = os.environ["PULSECART_OPERATOR_TOKEN"]'] : []),
    `response = requests.${method.toLowerCase()}(\n${lines})`,
    ...(answer === 'stream'
      ? ['for line in response.iter_lines():', `${PYTHON.step}print(line.decode())`]
      : [`print(response.status_code, response.${answer === 'json' ? 'json()' : 'text'})`]),
  ].join('\n');
}

const PYTHON: Literals = { null: 'None', true: 'True', false: 'False', pad: '', step: '    ', key: text };
