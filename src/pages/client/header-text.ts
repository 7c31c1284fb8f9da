/** Words of people as the value of a header: bare where they are plain ASCII, else percent-encoded UTF-8 (RFC 8187). */
export function headerText(text: string): string {
  const isPlain = /^[!-~]([ -~]*[!-~])?$/.test(text) && !/^utf-8''/i.test(text);
  return isPlain ? text : `UTF-8''${encodeURIComponent(text)}`;
}
