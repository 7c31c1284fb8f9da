import { limitedRoutes } from './limits/limited-routes.ts';
import type { Route } from './route.ts';
import { createAboutRoutes } from './routes/about.ts';
import { createActuatorRoutes } from './routes/actuator.ts';
import { createAsyncPurchaseRoute } from './routes/async-purchase.ts';
import { createDeadLetterRoutes } from './routes/dead-letters.ts';
import { createFigureRoutes } from './routes/figures.ts';
import { createHistoryRoute } from './routes/history.ts';
import { createOpsRoutes } from './routes/ops.ts';
import { createOrderListRoutes } from './routes/order-list.ts';
import { createOrderRoutes } from './routes/orders.ts';
import { createPageRoutes } from './routes/pages.ts';
import { createPaymentRoutes } from './routes/payments.ts';
import { createProductChangeRoutes } from './routes/product-changes.ts';
import { createProductRoutes } from './routes/products.ts';
import { createRushRoutes } from './routes/rush.ts';
import { createSessionRoutes } from './routes/session.ts';
import { createStockRoutes } from './routes/stock.ts';
import { createStreamRoutes } from './routes/stream.ts';
import { createSyncPurchaseRoute } from './routes/sync-purchase.ts';
import { createTrackingRoutes } from './routes/tracking.ts';
import { createWebhookRoutes } from './routes/webhooks.ts';
import type { Service } from './service.ts';

/**
 * Every route of the API, in the order of the reference; without health and metrics where another port has them. Making the table
 * touches nothing of the service.
 */
export function createRoutes(service: Service, { actuator = true } = {}): readonly Route[] {
  const routes: Route[] = [
    createSyncPurchaseRoute(service),
    ...createStockRoutes(service),
    createAsyncPurchaseRoute(service),
    ...createTrackingRoutes(service),
    ...createOrderListRoutes(service),
    ...createOrderRoutes(service),
    ...createPaymentRoutes(service),
    ...createSessionRoutes(service),
    ...createProductRoutes(service),
    ...createProductChangeRoutes(service),
    ...createStreamRoutes(service),
    ...createDeadLetterRoutes(service),
    ...createWebhookRoutes(service),
    ...createOpsRoutes(service),
    ...createFigureRoutes(service),
    createHistoryRoute(service),
    ...createRushRoutes(service),
    ...(actuator ? createActuatorRoutes(service) : []),
  ];
  routes.push(...createPageRoutes(service, routes), ...createAboutRoutes(service, routes));
  return service.limits ? limitedRoutes(routes, service.limits) : routes;
}
