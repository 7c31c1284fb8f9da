import Type from 'typebox';

/** What the actuator routes answer, in the shapes that Spring Boot's clients read. */

const Component = Type.Object({
  status: Type.Enum(['UP', 'DOWN']),
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

export const HealthAnswer = Type.Object(
  {
    status: Type.Enum(['UP', 'DOWN', 'OUT_OF_SERVICE']),
    components: Type.Optional(Type.Record(Type.String(), Component)),
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
      Type.Object({ statistic: Type.Enum(['VALUE', 'COUNT', 'TOTAL']), value: Type.Number() }),
      { description: 'One for each combination of tags' },
    ),
    availableTags: Type.Array(Type.Object({ tag: Type.String(), values: Type.Array(Type.String()) })),
  },
  { $id: 'Metric' },
);
