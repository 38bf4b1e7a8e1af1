// Rows as CSV (RFC 4180).

/** @param {string[]} columns @param {Record<string, any>[]} rows */
export function csv(columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name]))];
  return lines.map((line) => line.map(field).join(",")).join("\r\n") + "\r\n";
}

/** Texts that a spreadsheet would run as a formula begin with a quote mark instead. @param {any} value */
function field(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
