import { expect, test } from 'bun:test';
import { runPulsecart } from '../support/command.ts';
import { documents, readDocument } from './documents.ts';

/** Figures in documents that a command or a file can contradict. */

test('P6 the README shows as many verdicts as a demo gives', async () => {
  const shown = /PASS {2}(\d+) more verdicts/;
  const { stdout } = await runPulsecart(['demo', '--users', '200', '--units', '20', '--rate', '1000']);
  const [, given] = shown.exec(stdout)!;
  expect(Number(given)).toBeGreaterThan(20);
  expect(shown.exec(readDocument('README.md'))![1]).toBe(given!);
});

test('P6 no other document counts verdicts or schemas, which change with each kind of fault that is looked for', () => {
  for (const path of documents().filter((path) => path !== 'README.md')) {
    const [counted] =
      /\b(?:one|two|three|\d+)(?: more)? (?:verdicts?|schemas?) (?!\d)/i.exec(readDocument(path)) ?? [];
    expect({ path, counted }).toEqual({ path, counted: undefined });
  }
});

test('P6 docs/operating/backends.md names the versions of docker-compose.yml', () => {
  const compose = readDocument('docker-compose.yml');
  const versionOf = (image: string) => new RegExp(`image: ${image}:([\\d.]+)`).exec(compose)![1]!;
  const said = readDocument('docs/operating/backends.md').replaceAll(/\s+/g, ' ');
  const versions = `PostgreSQL ${versionOf('postgres')}, Redis ${versionOf('redis')} and RabbitMQ ${versionOf('rabbitmq')}`;
  expect(said).toContain(`\`docker-compose.yml\` has ${versions}`);
});
