/** What an id may look like, wherever one comes in. Neither holds a brace, so no id can break out of its key's hash tag. */
export const PROMOTION_ID = /^[A-Za-z0-9_-]{1,64}$/;
export const USER_ID = /^[A-Za-z0-9._:|@-]{1,128}$/;
