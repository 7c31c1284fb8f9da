export type Measure = 'demo' | 'rush' | 'rehearse' | 'bench' | 'report' | 'plan' | 'noop';

/** Commands that run against a server, or beside one: the program's own measure, which is no part of the product. */
export async function measure(command: Measure, argv: string[]): Promise<number> {
  switch (command) {
    case 'demo':
      return (await import('./commands/demo.ts')).demo(argv);
    case 'rush':
      return (await import('./commands/rush.ts')).rush(argv);
    case 'rehearse':
      return (await import('./commands/rehearse.ts')).rehearse(argv);
    case 'bench':
      return (await import('./commands/bench.ts')).bench(argv);
    case 'report':
      return (await import('./commands/report.ts')).report(argv);
    case 'plan':
      return (await import('./commands/plan.ts')).plan(argv);
    case 'noop':
      return (await import('./noop.ts')).noop(argv);
  }
}
