import { OPS } from '../text.ts';
import { localTime, momentOf } from './local-time.ts';
import { amountText, digitsOf, minorUnits } from './money-input.ts';
import type { Field, Values } from './operation-forms.ts';
import type { SaleProduct } from './shapes.ts';

const NAME_MAX = 200;
const DESCRIPTION_MAX = 2_000;
const ADDRESS_MAX = 2_000;
const UNITS_MAX = 2_147_483_647;
const HOLD_MAX = 86_400;
const HOLD_SECONDS = '600';
const CURRENCY = 'USD';

/** The form of a product: of a new one with the currencies to choose from, or of one that is changed. */
export function fieldsOf(product: SaleProduct | null, currencies: readonly string[] = []): readonly Field[] {
  const { labels, hints } = OPS.operations;
  const isNew = product === null;
  const currency = product?.currency ?? CURRENCY;
  const onlyNew: Field[] = [
    { name: 'currency', label: labels.currency, kind: 'choice', value: CURRENCY, choices: currencies },
    { name: 'units', label: labels.units, kind: 'whole', value: '1000', min: 0, max: UNITS_MAX },
  ];
  return [
    { name: 'name', label: labels.name, kind: 'text', value: product?.name ?? '', max: NAME_MAX },
    {
      name: 'price',
      label: isNew ? labels.price : labels.priceIn(currency),
      kind: 'money',
      value: isNew ? '' : amountText(product.priceMinor, currency),
      hint: isNew ? hints.price : hints.digits(digitsOf(currency)),
    },
    ...(isNew ? onlyNew : []),
    {
      name: 'opensAt',
      label: labels.opensAt,
      kind: 'time',
      value: localTime(product?.opensAt ?? null),
      isOptional: true,
    },
    {
      name: 'closesAt',
      label: labels.closesAt,
      kind: 'time',
      value: localTime(product?.closesAt ?? null),
      isOptional: true,
    },
    {
      name: 'perCustomerLimit',
      label: labels.limit,
      kind: 'whole',
      value: String(product?.perCustomerLimit ?? ''),
      min: 1,
      max: UNITS_MAX,
      isOptional: true,
    },
    {
      name: 'customerRequired',
      label: labels.customer,
      kind: 'yes',
      value: String(product?.customerRequired ?? false),
    },
    {
      name: 'holdSeconds',
      label: labels.hold,
      kind: 'whole',
      value: String(product?.holdSeconds ?? HOLD_SECONDS),
      min: 1,
      max: HOLD_MAX,
    },
    {
      name: 'description',
      label: labels.description,
      kind: 'lines',
      value: product?.description ?? '',
      max: DESCRIPTION_MAX,
      isOptional: true,
    },
    {
      name: 'imageUrl',
      label: labels.image,
      kind: 'text',
      value: product?.imageUrl ?? '',
      max: ADDRESS_MAX,
      isOptional: true,
      hint: hints.image,
    },
  ];
}

type Body = Readonly<Record<string, unknown>>;

/** What was filled in as the API has it, or what is wrong with it. What may be left out and is empty is null. */
function read(values: Values, currency: string): Body | string {
  const priceMinor = minorUnits(values.price ?? '', currency);
  if (priceMinor === null) return OPS.operations.badPrice(currency, digitsOf(currency));
  const orNull = (text: string | undefined) => (text === undefined || text === '' ? null : text);
  const limit = orNull(values.perCustomerLimit);
  return {
    name: values.name,
    priceMinor,
    opensAt: momentOf(values.opensAt ?? ''),
    closesAt: momentOf(values.closesAt ?? ''),
    perCustomerLimit: limit === null ? null : Number(limit),
    customerRequired: values.customerRequired === 'true',
    holdSeconds: Number(values.holdSeconds),
    description: orNull(values.description),
    imageUrl: orNull(values.imageUrl),
  };
}

/** A new product; what is not said is left to the API. */
export function newProductIn(values: Values): Body | string {
  const currency = values.currency ?? CURRENCY;
  const body = read(values, currency);
  if (typeof body === 'string') return body;
  const given = Object.entries(body).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(given), currency, units: Number(values.units) };
}

/** Only what is not as the form showed it: what others change meanwhile stays. */
export function changesIn(values: Values, shown: SaleProduct): Body | string {
  const body = read(values, shown.currency);
  if (typeof body === 'string') return body;
  const shownText: Values = Object.fromEntries(fieldsOf(shown).map(({ name, value }) => [name, value]));
  const before = read(shownText, shown.currency) as Body;
  return Object.fromEntries(Object.entries(body).filter(([field, value]) => value !== before[field]));
}
