"""一括取込・書出し, the pure part: files become rows, cells become values, rows become bodies. No SQL.

widths, days, cells   what a cell says              delimited, workbook, lines   files → rows
targets, suggest      what a column may be          mapping, rows                rows → bodies, faults by cell
flat, writing         records → rows → files
"""
