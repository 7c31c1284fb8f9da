import Type from 'typebox';

/** What the actuator routes answer, in the shapes that Spring Boot's clients read. */

export const HealthComponent = Type.Object(
  {
    status: Type.Enum(['UP', 'DOWN']),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { $id: 'HealthComponent', description: 'Why it is DOWN is told to operators only.' },
);

export const LinksAnswer = Type.Object(
  {
    _links: Type.Record(Type.String(), Type.Object({ href: Type.String(), templated: Type.Boolean() })),
  },
  { $id: 'ActuatorLinks' },
);

export const HealthAnswer = Type.Object(
  {
    status: Type.Enum(['UP', 'DOWN', 'OUT_OF_SERVICE']),
    components: Type.Optional(Type.Record(Type.String(), HealthComponent)),
    groups: Type.Optional(Type.Array(Type.String())),
  },
  { $id: 'Health', description: 'Liveness and readiness have no components.' },
);

export const InfoAnswer = Type.Object(
  {
    app: Type.Object({ name: Type.String(), version: Type.String() }),
    runtime: Type.Object({ name: Type.String(), version: Type.String() }),
    engines: Type.Record(Type.String(), Type.String(), { description: 'What is behind each port' }),
  },
  { $id: 'Info' },
);

export const MetricNamesAnswer = Type.Object({ names: Type.Array(Type.String()) }, { $id: 'MetricNames' });

export const MetricAnswer = Type.Object(
  {
    name: Type.String(),
    description: Type.String(),
    measurements: Type.Array(
      Type.Object({
        statistic: Type.Enum(['VALUE', 'COUNT', 'TOTAL_TIME', 'MAX']),
        value: Type.Number(),
      }),
      {
        description:
          'Over all values that have the wanted tags. Times are in seconds. Empty while it cannot be read',
      },
    ),
    availableTags: Type.Array(Type.Object({ tag: Type.String(), values: Type.Array(Type.String()) }), {
      description: 'By which it can be divided further',
    }),
  },
  { $id: 'Metric' },
);
