import { expect, test } from 'bun:test';
import { readConfig } from '../../src/config.ts';
import { withoutSchema } from '../../src/lib/database-url.ts';
import { readDocument } from './documents.ts';

/** What a developer with Docker is told to do: the backends of docker-compose.yml are those of .env.example. */

interface Service {
  readonly environment?: Record<string, string>;
  readonly ports: readonly string[];
}
const { services } = Bun.YAML.parse(readDocument('docker-compose.yml')) as {
  services: Record<string, Service>;
};
const settings = Object.fromEntries(
  [...readDocument('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]),
);
const { databaseUrl, redisUrl, rabbitmqUrl } = readConfig(settings).urls!;

test('.env.example leads to the services of docker-compose.yml, with their users and passwords', () => {
  const { postgres, redis, rabbitmq } = services as Record<string, Service>;
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

test('the services that the README starts are all there are', () => {
  const [, started] = /docker-compose up -d ([\w ]+)/.exec(readDocument('README.md'))!;
  expect(started!.split(' ').toSorted()).toEqual(Object.keys(services).toSorted());
});

test('the backends, with their well-known passwords, can be reached from this machine only', () => {
  const ports = Object.values(services).flatMap((service) => service.ports);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});

/** Where a port of the container can be reached from outside. */
function addressOf({ ports }: Service, inside: number): string {
  const published = ports.find((port) => port.endsWith(`:${inside}`));
  return published!.slice(0, -`:${inside}`.length);
}
