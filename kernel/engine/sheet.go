package engine

// sheetColumns is the width of a wall: the paper's 324 samples are 18 by 18.
const sheetColumns = 18
