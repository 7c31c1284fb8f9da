/**
 * What a person wrote into a header: UTF-8 as it is, or percent-encoded after `UTF-8''` (the ext-value of RFC 8187), for clients
 * whose headers take ASCII alone. Null for what is neither. HTTP itself has bytes, which come as characters up to U+00FF.
 */
export function readHeaderText(value: string): string | null {
  try {
    const encoded = /^utf-8'[^']*'([!-~]*)$/i.exec(value)?.[1];
    if (encoded !== undefined) return decodeURIComponent(encoded);
    return ASCII.test(value) ? value : UTF8.decode(Buffer.from(value, 'latin1'));
  } catch {
    return null;
  }
}

/** The same text as any client can send it. */
export function writeHeaderText(text: string): string {
  return ASCII.test(text) ? text : `UTF-8''${encodeURIComponent(text)}`;
}

/** The same in the words of the reference. */
export const HEADER_TEXT = "UTF-8, or percent-encoded after `UTF-8''` (RFC 8187), like `UTF-8''J%C3%BCrgen`.";

const ASCII = /^[\t -~]*$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
