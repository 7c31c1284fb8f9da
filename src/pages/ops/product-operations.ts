import { CURRENCIES } from '../../domain/currencies.ts';
import { headerText } from '../client/header-text.ts';
import { dayAndSecond, money, whole } from '../format.ts';
import { OPS } from '../text.ts';
import type { Catalog } from './catalog.ts';
import { type Operation, type Outcome, outcomeOf, type Values } from './operation-forms.ts';
import { changesIn, fieldsOf, newProductIn } from './product-fields.ts';
import { createSeenProduct, type Sent } from './seen-product.ts';
import type { Session } from './session.ts';
import type { SaleProduct } from './shapes.ts';

/** What operators do to products, each as the form that asks for it. */
export function createProductOperations(session: Session, catalog: Catalog) {
  const { about, buttons, done, titles } = OPS.operations;
  const asListed = (product: SaleProduct) =>
    catalog.products.value?.find(({ productId }) => productId === product.productId) ?? product;

  /** One that changes a product: how it is sent, and what its answer means. */
  function changing(
    product: SaleProduct,
    described: Omit<Operation, 'send'>,
    request: (values: Values, seen: SaleProduct) => { path?: string; method?: string; body: object } | string,
    says: (now: SaleProduct) => string,
  ): Operation {
    const seen = createSeenProduct(session, catalog, asListed(product));
    return {
      ...described,
      async send(values, reason, key): Promise<Outcome> {
        const asked = request(values, product);
        if (typeof asked === 'string') return { kind: 'refused', says: asked };
        const { path = '', method = 'POST', body } = asked;
        const answer = await seen.send(`/api/v1/products/${product.productId}${path}`, {
          method,
          body: { ...body, reason },
          headers: { 'Idempotency-Key': key },
        });
        return ended(answer, says);
      },
    };
  }

  return {
    create(): Operation {
      return {
        title: titles.create,
        about: about.create,
        button: buttons.create,
        fields: fieldsOf(null, CURRENCIES),
        async send(values, reason, key) {
          const body = newProductIn(values);
          if (typeof body === 'string') return { kind: 'refused', says: body };
          const answer = await session.ask<SaleProduct>('/api/v1/products', {
            method: 'POST',
            body: { ...body, reason },
            headers: { 'Idempotency-Key': key },
          });
          if (answer.ok) catalog.heard(answer.body);
          return outcomeOf(answer, ({ productId, name }) => done.created(productId, name));
        },
      };
    },

    change: (product: SaleProduct) =>
      changing(
        product,
        {
          title: titles.change(product.name),
          about: about.change,
          button: buttons.change,
          fields: fieldsOf(product),
        },
        (values, seen) => {
          const body = changesIn(values, seen);
          if (typeof body === 'string') return body;
          return Object.keys(body).length === 0 ? OPS.operations.nothing : { method: 'PATCH', body };
        },
        ({ name, priceMinor, currency }) => done.changed(name, money(priceMinor, currency)),
      ),

    addUnits: (product: SaleProduct) =>
      changing(
        product,
        {
          title: titles.addUnits(product.name),
          about: about.addUnits(product.available),
          button: buttons.addUnits,
          fields: [{ name: 'delta', label: OPS.operations.delta, kind: 'whole', value: '100' }],
        },
        ({ delta }) => ({ path: '/units', body: { delta: Number(delta) } }),
        ({ total, available }) => done.added(whole(total), whole(available)),
      ),

    /** Open now, whatever kept it from being open. */
    open: (product: SaleProduct) =>
      changing(
        product,
        { title: titles.open(product.name), about: about.open, button: buttons.open },
        () => ({ method: 'PATCH', body: timesOpenNow(product) }),
        ({ state }) => (state === 'open' ? done.open : done.state(OPS.state[state])),
      ),

    pause: (product: SaleProduct) =>
      changing(
        product,
        { title: titles.pause(product.name), about: about.pause, button: buttons.pause },
        () => ({ path: '/pause', body: {} }),
        () => done.paused,
      ),

    resume: (product: SaleProduct) =>
      changing(
        product,
        { title: titles.resume(product.name), about: about.resume, button: buttons.resume },
        () => ({ path: '/resume', body: {} }),
        ({ state }) => done.state(OPS.state[state]),
      ),

    close(product: SaleProduct): Operation {
      const seen = createSeenProduct(session, catalog, asListed(product));
      return {
        title: titles.close(product.name),
        about: about.close,
        button: buttons.close,
        async send(_, reason) {
          const answer = await seen.sendUnversioned<SaleProduct>(
            `/api/v1/products/${product.productId}/drain`,
            { method: 'POST', body: { reason } },
          );
          return ended(answer, ({ closesAt, reserved }) =>
            done.closed(closesAt === null ? '' : dayAndSecond(closesAt), reserved),
          );
        },
      };
    },

    reset(product: SaleProduct): Operation {
      const seen = createSeenProduct(session, catalog, asListed(product));
      return {
        title: titles.reset(product.name),
        about: about.reset,
        button: buttons.reset,
        fields: [{ name: 'units', label: OPS.operations.units, kind: 'whole', value: '1000', min: 0 }],
        async send({ units }, reason, key) {
          const answer = await seen.sendUnversioned(
            `/api/v1/sync/stock/${product.productId}/reset?stock=${units}`,
            { method: 'PUT', headers: { 'Idempotency-Key': key, 'X-Reason': headerText(reason) } },
          );
          return ended(answer, () => done.reset(whole(Number(units))));
        },
      };
    },
  };
}

export type ProductOperations = ReturnType<typeof createProductOperations>;

function ended<T>(answer: Sent<T>, says: (body: T) => string): Outcome {
  return answer.ok === 'conflict' ? { kind: 'conflict', changes: answer.changes } : outcomeOf(answer, says);
}

function timesOpenNow({ state }: SaleProduct): object {
  return state === 'closed' ? { opensAt: null, closesAt: null } : { opensAt: null };
}
