/**
 * What no text of ours has in it, for the inside of a pattern's `[^…]`: control characters (Cc), lone surrogates (Cs), and the
 * replacement character, which is the trace of broken UTF-8. Written out, because the patterns are in the API's document, and not
 * every language reads `\p{Cc}`.
 */
export const UNTEXT = '\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff\\ufffd';
