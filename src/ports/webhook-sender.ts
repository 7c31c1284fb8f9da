/** One try to tell a target. Follows no redirect, and reads nothing of an answer but its status. */
export interface WebhookSender {
  /** Never rejects: what goes wrong is an answer, too. Ends within the sender's own time limit. */
  send(message: OutgoingWebhook): Promise<WebhookAnswer>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export interface OutgoingWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type WebhookAnswer =
  | {
      readonly type: 'answered';
      readonly status: number;
      /** What `Retry-After` says in seconds; null without one. */
      readonly retryAfterMs: number | null;
    }
  /** No answer; `cause` says why, in words that repeat for what is the same. */
  | { readonly type: 'failed'; readonly cause: string };
