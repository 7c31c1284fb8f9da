import { expect, test } from 'bun:test';
import { readConfig } from '../../src/config.ts';
import { withoutSchema } from '../../src/lib/database-url.ts';
import { type ComposeService, readComposeFile } from '../support/compose.ts';
import { readDocument } from './documents.ts';

/** What a developer with Docker is told to do: the backends of docker-compose.yml are those of .env.example. */

const { services } = readComposeFile('docker-compose.yml');
const settings = Object.fromEntries(
  [...readDocument('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]),
);
const { databaseUrl, redisUrl, rabbitmqUrl } = readConfig(settings).urls!;

test('.env.example leads to the services of docker-compose.yml, with their users and passwords', () => {
  const { postgres, redis, rabbitmq } = services;
  const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = postgres!.environment!;
  const { RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS } = rabbitmq!.environment!;
  expect(withoutSchema(databaseUrl)).toBe(
    `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@${addressOf(postgres!, 5432)}/${POSTGRES_DB}`,
  );
  expect(redisUrl).toBe(`redis://${addressOf(redis!, 6379)}/0`);
  expect(rabbitmqUrl).toBe(
    `amqp://${RABBITMQ_DEFAULT_USER}:${RABBITMQ_DEFAULT_PASS}@${addressOf(rabbitmq!, 5672)}`,
  );
});

test('the README starts them by their names', () => {
  expect(readDocument('README.md')).toContain('docker compose up -d postgres redis rabbitmq\n');
});

/** Where a port of the container can be reached from outside. */
function addressOf({ ports }: ComposeService, inside: number): string {
  const published = ports!.find((port) => port.endsWith(`:${inside}`));
  return published!.slice(0, -`:${inside}`.length);
}
