import type { ReactNode, TdHTMLAttributes } from 'react'

export interface Column<Row> {
  title: string
  /** Class of the heading and of all cells. */
  className?: string
  cell(row: Row): ReactNode
  /** Attributes of the cell of a row. */
  attributes?(row: Row): TdHTMLAttributes<HTMLTableCellElement>
}

interface Props<Row> {
  columns: readonly [Column<Row>, ...Column<Row>[]]
  rows: Row[]
  rowKey(row: Row): string
  caption?: ReactNode
}

/** A table with a row for each item. The cells of the first column are the headings of the rows. */
export function StatsTable<Row>({ columns, rows, rowKey, caption }: Props<Row>) {
  const [heading, ...others] = columns
  return (
    <table className="stats-table">
      {caption !== undefined && <caption>{caption}</caption>}
      <thead>
        <tr>
          {columns.map(({ title, className }) => (
            <th key={title} scope="col" className={className}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)}>
            <th scope="row">{heading.cell(row)}</th>
            {others.map(({ title, className, cell, attributes }) => (
              <td key={title} className={className} {...attributes?.(row)}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
