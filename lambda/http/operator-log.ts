import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import { logger } from '../telemetry.ts';

/** An event of a route with or without the authorizer of signatures. */
type MaybeSigned = Partial<APIGatewayProxyEventV2WithIAMAuthorizer['requestContext']>;

/** What an operator asked for, and what came of it. */
interface Operation {
  promotionId: string;
  /** As in the request, by itself: it may hold a `requestId` of its own. */
  asked: Record<string, string | number>;
  outcome: string;
}

/** Logs who did what to a promotion: neither Redis nor the access log keeps that, and someone will ask who paused or removed it. */
export function logOperation({ requestContext }: APIGatewayProxyEventV2, operation: Operation): void {
  const { authorizer } = requestContext as MaybeSigned;
  logger.info('An operator was answered', { requestId: requestContext.requestId, operator: authorizer?.iam?.userArn, ...operation });
}
