import { openProfile } from '../profiles.ts';
import type { Chart } from './chart.ts';
import { chartsOf } from './charts.ts';
import { type Findings, findingsOf, KNEE_RULE, kneeText, type Table } from './findings.ts';
import { number } from './format.ts';
import type { ReportData } from './report-data.ts';

/** A report as sections of text, tables and charts, for each kind of document. */
export interface Content {
  readonly title: string;
  readonly subtitle: string;
  readonly findings: Pick<Findings, 'verdicts' | 'warnings' | 'advice'>;
  readonly sections: readonly Section[];
  /** What the run was: name and value. */
  readonly facts: readonly (readonly [string, string])[];
  readonly notMeasured: readonly string[];
}

export interface Section {
  readonly title: string;
  readonly text: readonly string[];
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
}

export function contentOf(data: ReportData): Content {
  const findings = findingsOf(data);
  const charts = chartsOf(data, findings);
  const { sale } = data;
  return {
    title: 'Sync or async? What this machine measured',
    subtitle: `${number(sale.users)} buyers, ${number(sale.units)} units, on ${backendsText(data)}; made ${data.madeAt.slice(0, 16).replace('T', ' ')} UTC`,
    findings,
    sections: [
      {
        title: 'The sale',
        text: [
          `${openProfile(sale.profile).what} ${number(sale.users)} buyers within ${sale.seconds} s want ${number(sale.units)} units, each way ` +
            `${sale.repeats} times in turns, each time on a fresh server. Figures are medians, with the lowest and the highest of the repeats.`,
          'Sync answers with the outcome. Async answers 202 as soon as the purchase is safely queued, and the outcome follows: the two are kept ' +
            'apart, because only the second one tells a buyer anything, and asking for it is a second request. Latency runs from the moment the buyer meant to buy, so a server that ' +
            'stalls is seen by everybody who comes meanwhile; the raw figures beside it run from the moment of sending.',
        ],
        tables: findings.sale,
        charts: charts.sale,
      },
      {
        title: 'Rising load',
        text: [
          `Buyers come evenly for ${data.sweep.seconds} s, and everybody can buy, which is the expensive path: a refusal costs less. ` +
            `In a closed loop of ${data.saturation[0]?.connections ?? 0} connections ${saturationText(data)}. ` +
            `Sync ${kneeText(findings.knees.sync)}; async ${kneeText(findings.knees.async)}. ${KNEE_RULE} Payments are off here, and the servers are warm; those of the sale were just started.`,
        ],
        tables: [findings.sweep],
        charts: charts.sweep,
      },
      {
        title: `${number(data.atOnce.connections)} requests in the same moment`,
        text: [
          `${number(data.atOnce.connections)} open connections, and a purchase on each of them within ${number(data.atOnce.connections / 1000)} ms; everybody can buy.`,
        ],
        tables: [findings.atOnce],
        charts: [],
      },
    ].filter(({ tables }) => tables.some(({ rows }) => rows.length > 0)),
    facts: [
      ['Program', `PulseCart ${data.program.version}, commit ${data.program.commit ?? 'unknown'}`],
      ['Command', data.command],
      ['Machine', machineText(data)],
      ['Backends', backendsText(data)],
      ['Seed', `${data.seed} (the same seed gives the same crowds)`],
      ['Data', 'report.json, beside this file, has every figure and sample'],
    ],
    notMeasured: data.notMeasured,
  };
}

function saturationText({ saturation }: ReportData): string {
  return saturation
    .map(({ way, perS }) => `${way} ${way === 'sync' ? 'answered' : 'accepted'} ${number(perS)} a second`)
    .join(' and ');
}

function machineText({ machine }: ReportData): string {
  const { cpu, cores, memoryGb, os, bun } = machine;
  return `${cpu}, ${cores} cores, ${memoryGb} GB, ${os}, Bun ${bun}`;
}

function backendsText({ backends }: ReportData): string {
  return [...new Set(Object.values(backends))].join(', ');
}
