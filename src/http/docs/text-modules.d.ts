declare module '*.css' {
  const text: string;
  export default text;
}
declare module '*/before-paint.js' {
  const text: string;
  export default text;
}
declare module '*/in-browser.js' {
  const text: string;
  export default text;
}
declare module '*/send-in-browser.js' {
  const text: string;
  export default text;
}
