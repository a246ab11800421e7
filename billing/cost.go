package billing

import (
	"cmp"
	"slices"
)

// CostOfLines is what each of the lines costs that one lot pays next: of paid for bought, when usedBefore of it was
// used already. The costs are in the order of lines, and shared out in the order of the lines' digest, so that they do
// not depend on it. See CostOfUse.
func CostOfLines(paid Money, bought, usedBefore Hours, lines []Line) ([]Money, error) {
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(compareLines(lines[a], lines[b]), a-b) })
	costs := make([]Money, len(lines))
	for _, i := range order {
		cost, err := CostOfUse(paid, bought, usedBefore, usedBefore+lines[i].Hours)
		if err != nil {
			return nil, err
		}
		costs[i], usedBefore = cost, usedBefore+lines[i].Hours
	}
	return costs, nil
}
