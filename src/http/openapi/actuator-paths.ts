import {
  HealthAnswer,
  HealthComponent,
  InfoAnswer,
  LinksAnswer,
  MetricAnswer,
  MetricNamesAnswer,
} from './actuator-schemas.ts';
import { inPath, inQuery, jsonAnswer, type Paths, problemAnswer, textAnswer } from './parts.ts';

const tags = ['actuator'];

export const ACTUATOR_PATHS: Paths = {
  '/actuator': {
    get: {
      operationId: 'actuator',
      tags,
      summary: 'Where health, info and metrics are',
      description:
        "An `Accept` with Spring's `application/vnd.spring-boot.actuator.v3+json` gets it, and all JSON below, under that type.",
      responses: { '200': jsonAnswer('The links', LinksAnswer) },
    },
  },
  '/actuator/health': {
    get: {
      operationId: 'health',
      tags,
      summary: 'Health of the service and of each engine',
      responses: {
        '200': jsonAnswer('UP', HealthAnswer, {
          examples: { up: { status: 'UP', components: { db: { status: 'UP' }, queue: { status: 'UP' } } } },
        }),
        '503': jsonAnswer('DOWN', HealthAnswer),
      },
    },
  },
  '/actuator/health/{name}': {
    get: {
      operationId: 'healthComponent',
      tags,
      summary: 'Health of one component',
      parameters: [inPath('name', { type: 'string', examples: ['diskSpace'] }, 'One of the components')],
      responses: {
        '200': jsonAnswer('UP', HealthComponent),
        '404': problemAnswer('`not_found`'),
        '503': jsonAnswer('DOWN', HealthComponent),
      },
    },
  },
  '/actuator/health/liveness': {
    get: {
      operationId: 'liveness',
      tags,
      summary: 'The process answers',
      responses: { '200': jsonAnswer('UP', HealthAnswer, { examples: { up: { status: 'UP' } } }) },
    },
  },
  '/actuator/health/readiness': {
    get: {
      operationId: 'readiness',
      tags,
      summary: 'Requests may be sent here',
      description:
        'It can sell: a write reached the disk a second ago at most. Not ready from the moment a shutdown begins.',
      responses: {
        '200': jsonAnswer('UP', HealthAnswer, { examples: { up: { status: 'UP' } } }),
        '503': jsonAnswer('OUT_OF_SERVICE', HealthAnswer),
      },
    },
  },
  '/actuator/info': {
    get: {
      operationId: 'info',
      tags,
      summary: 'Version, runtime and engines',
      responses: { '200': jsonAnswer('The facts', InfoAnswer) },
    },
  },
  '/actuator/metrics': {
    get: {
      operationId: 'metricNames',
      tags,
      summary: 'Names of all metrics',
      responses: { '200': jsonAnswer('The names', MetricNamesAnswer) },
    },
  },
  '/actuator/metrics/{name}': {
    get: {
      operationId: 'metric',
      tags,
      summary: 'One metric',
      parameters: [
        inPath('name', { type: 'string', examples: ['pulsecart_purchases_inside'] }, 'One of the names'),
        inQuery(
          'tag',
          { type: 'array', items: { type: 'string', pattern: '^[^:]+:[\\s\\S]+$' } },
          'Only of what has this tag, as `name:value`; may be given several times',
        ),
      ],
      responses: {
        '200': jsonAnswer('The metric', MetricAnswer),
        '400': problemAnswer('`invalid_request`: a tag without a name, a colon and a value'),
        '404': problemAnswer('`not_found`'),
      },
    },
  },
  '/actuator/prometheus': {
    get: {
      operationId: 'prometheus',
      tags,
      summary: 'All metrics in the Prometheus text format',
      responses: { '200': textAnswer('The metrics', 'pulsecart_purchases_inside 0') },
    },
  },
};
