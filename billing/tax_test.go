package billing

import "testing"

func TestTaxIsOncePerRateAndHalfUp(t *testing.T) {
	s := Taxing{TaxStandard, 1900, ""}
	if sums := SumTaxes([]int64{1003, 1003, 1003}, []Taxing{s, s, s}); len(sums) != 1 || sums[0].Base != 3009 || sums[0].Amount != 572 {
		t.Errorf("three lines of 10.03 at 19 %%: %+v", sums)
	}
	if sums := SumTaxes([]int64{1003, 50}, []Taxing{s, {TaxStandard, 500, ""}}); len(sums) != 2 || sums[0].Amount != 191 || sums[1].Amount != 3 {
		t.Errorf("two rates: %+v", sums)
	}
	for rate, text := range map[int64]string{1900: "19", 550: "5.5", 2050: "20.5", 5: "0.05", 0: "0"} {
		if is := (Taxing{Rate: rate}).Percent(); is != text {
			t.Errorf("%d is %s %%", rate, is)
		}
	}
	if is := (Taxing{Rate: 2700}).On(MaxMoney); is != MaxMoney/100*27 {
		t.Errorf("the largest: %d", is)
	}
}

func TestTaxOf(t *testing.T) {
	de, fr, ch := TaxParty{"DE", "DE123456789"}, TaxParty{"FR", "FR12345678901"}, TaxParty{"CH", "CHE123456789"}
	for name, c := range map[string]struct {
		seller, buyer TaxParty
		domestic      int64
		certificate   string
		want          TaxCategory
	}{
		"at home":                    {de, TaxParty{"DE", ""}, 1900, "", TaxStandard},
		"nobody knows where":         {de, TaxParty{}, 1900, "", TaxStandard},
		"elsewhere in the EU":        {de, fr, 1900, "", TaxReverse},
		"there without a VAT id":     {de, TaxParty{"FR", ""}, 1900, "", TaxStandard},
		"there with one of another":  {de, TaxParty{"FR", "DE123456789"}, 1900, "", TaxStandard},
		"in Greece":                  {de, TaxParty{"GR", "EL123456789"}, 1900, "", TaxReverse},
		"outside the EU":             {de, ch, 1900, "", TaxOutside},
		"from outside":               {ch, de, 810, "", TaxOutside},
		"at home outside":            {ch, ch, 810, "", TaxStandard},
		"by certificate":             {de, fr, 1900, "12/345", TaxExempt},
		"of who has no rate":         {de, de, -1, "", TaxOutside},
		"at a rate of nought":        {de, de, 0, "", TaxStandard},
		"of Norway, which is no EU":  {de, TaxParty{"NO", "NO123456789MVA"}, 1900, "", TaxOutside},
		"of Britain, which is no EU": {de, TaxParty{"GB", "GB123456789"}, 1900, "", TaxOutside},
	} {
		got := TaxOf(c.seller, c.buyer, c.domestic, c.certificate)
		if got.Category != c.want || (got.Reason == "") != (c.want == TaxStandard) || c.want == TaxStandard && got.Rate != c.domestic || c.want != TaxStandard && got.Rate != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
