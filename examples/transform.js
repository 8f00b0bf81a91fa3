// Reads orders as JSON from stdin and writes a summary per customer as JSON: a filter, a grouping and a sort.
"use strict";

const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => {
  const orders = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  console.log(JSON.stringify(summarise(orders), null, 2));
});

// Amounts are in whole cents, because binary fractions cannot represent most prices exactly.
const cents = (line) => Math.round(line.price * 100) * line.quantity;

function summarise(orders) {
  const customers = new Map();
  for (const order of orders.filter(({ status }) => status !== "cancelled")) {
    const summary = customers.get(order.customer) ?? { customer: order.customer, orders: 0, cents: 0, items: new Set() };
    summary.orders += 1;
    summary.cents += order.lines.reduce((sum, line) => sum + cents(line), 0);
    order.lines.forEach((line) => summary.items.add(line.item));
    customers.set(order.customer, summary);
  }
  return [...customers.values()]
    .sort((a, b) => b.cents - a.cents || (a.customer < b.customer ? -1 : 1))
    .map(({ customer, orders: count, cents: total, items }) => ({
      customer,
      orders: count,
      total: (total / 100).toFixed(2),
      items: [...items].sort(),
    }));
}
