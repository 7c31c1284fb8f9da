import { type Literals, literal, text } from './code.ts';
import type { ExampleRequest } from './example-request.ts';

/** A module that makes the request with `fetch`, as Node, Bun and Deno have it. A browser has no environment to take a token from. */
export function javascriptOf(request: ExampleRequest): string {
  const { url, forOperators, answer } = request;
  const options = optionsOf(request);
  const imports = forOperators ? 'import { env } from "node:process";\n\n' : '';
  const call = `${imports}const response = await fetch(${[text(url), ...(options ? [options] : [])].join(', ')});`;
  return answer === 'stream'
    ? `${call}
for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
  console.log(text);
}`
    : `${call}
console.log(response.status, await response.${answer}());`;
}

function optionsOf({ method, forOperators, headers, body }: ExampleRequest): string {
  const sent = [
    ...(forOperators ? [`Authorization: \`Bearer \${env.PULSECART_OPERATOR_TOKEN}\``] : []),
    ...headers.map(([name, value]) => `${JAVASCRIPT.key(name)}: ${text(value)}`),
    ...(body ? [`${JAVASCRIPT.key('Content-Type')}: ${text(body.mediaType)}`] : []),
  ];
  const lines = [
    ...(method === 'GET' ? [] : [`method: ${text(method)}`]),
    ...(sent.length === 0 ? [] : [`headers: {\n${sent.map((one) => `    ${one},\n`).join('')}  }`]),
    ...(body ? [`body: JSON.stringify(${literal(body.value, JAVASCRIPT, JAVASCRIPT.step)})`] : []),
  ];
  return lines.length === 0 ? '' : `{\n${lines.map((line) => `  ${line},\n`).join('')}}`;
}

const JAVASCRIPT: Literals = {
  null: 'null',
  true: 'true',
  false: 'false',
  pad: ' ',
  step: '  ',
  key: (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : text(name)),
};
