/** @jsxImportSource preact */
import { money, timeOfDay, whole } from '../format.ts';
import type { Payment } from '../shapes.ts';
import { ORDER } from '../text.ts';

/** What the payment company was asked for, attempt by attempt. */
export function Payments({ payments }: { payments: readonly Payment[] }) {
  return (
    <>
      <h2 id="payments">{ORDER.payments}</h2>
      {payments.length === 0 ? (
        <p class="quiet">{ORDER.noPayments}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
        <section class="scroll" tabIndex={0} aria-labelledby="payments">
          <table>
            <thead>
              <tr>
                <th scope="col">{ORDER.attempt}</th>
                <th scope="col">{ORDER.state}</th>
                <th scope="col">{ORDER.facts.amount}</th>
                <th scope="col">{ORDER.facts.at}</th>
                <th scope="col">{ORDER.reason}</th>
              </tr>
            </thead>
            <tbody>
              {payments.map(
                ({ attempt, status, amountMinor, currency, updatedAt, reason, dispute, refundFailed }) => (
                  <tr key={attempt}>
                    <td>{whole(attempt)}</td>
                    <td>{status}</td>
                    <td>{money(amountMinor, currency)}</td>
                    <td>
                      <time dateTime={updatedAt}>{timeOfDay(updatedAt)}</time>
                    </td>
                    <td>
                      {[reason, dispute && ORDER.dispute[dispute], refundFailed && ORDER.refundFailed]
                        .filter(Boolean)
                        .join(' ') || '–'}
                    </td>
                  </tr>
                ),
              )}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}
