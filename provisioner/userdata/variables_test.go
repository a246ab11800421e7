package userdata_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"volary.dev/provisioner/userdata"
)

var filled = userdata.Values{
	userdata.HeadAddress: "10.128.4.10", userdata.NodeName: "compute-001", userdata.NodeAddress: "10.128.4.11",
	userdata.GroupName: "compute", userdata.Domain: "trial.volary", userdata.ComputeCount: "8",
}

func TestVariablesAreFilledIn(t *testing.T) {
	for text, want := range map[string]string{
		"#!/bin/sh\nmount __VOLARY_HEAD_ADDRESS__:/home \"$HOME\" # ${X} {{ v1.region }}": "#!/bin/sh\nmount 10.128.4.10:/home \"$HOME\" # ${X} {{ v1.region }}",
		"__VOLARY_NODE_NAME__.__VOLARY_DOMAIN__ __VOLARY_NODE_ADDRESS__":                  "compute-001.trial.volary 10.128.4.11",
		"n__VOLARY_COMPUTE_COUNT____VOLARY_GROUP_NAME__":                                  "n8compute",
		"VOLARY_HEAD_ADDRESS __volary_domain__ __VOLARY__ __VOLARY___":                    "VOLARY_HEAD_ADDRESS __volary_domain__ __VOLARY__ __VOLARY___",
	} {
		if got, ok := userdata.Fill(text, filled); got != want || !ok {
			t.Errorf("%q is %q, %t", text, got, ok)
		}
	}
	if len(filled) != len(userdata.Variables()) {
		t.Errorf("%d variables, and %d are tried", len(userdata.Variables()), len(filled))
	}
	for _, v := range userdata.Variables() {
		if userdata.Check("#!/bin/sh\necho "+v.Name) != nil || !userdata.Uses(v.Name) || v.Means == "" {
			t.Errorf("%s is not known", v.Name)
		}
	}
	if _, ok := userdata.Fill("__VOLARY_DOMAIN__", nil); ok {
		t.Error("a value that is missing is nothing")
	}
}

func TestVariablesThatAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"#!/bin/sh\n\necho __VOLARY_HEAD_ADDR__\n":                                              "Line 3 of the user-data has the variable __VOLARY_HEAD_ADDR__, which is not known. Known are __VOLARY_HEAD_ADDRESS__, ",
		"#cloud-config\nhostname: __VOLARY_node_name__\n":                                       "Line 2 of the user-data has the variable __VOLARY_node_name__",
		"#!/bin/sh\n" + strings.Repeat("__VOLARY_DOMAIN__\n", userdata.Most/18-2):               "once its variables are filled in",
		"## template: jinja\n#cloud-config\nhostname: {{ x }}__VOLARY_NONE__\n":                 "Line 3 of the user-data",
		"MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho __VOLARY_X__\n": "Line 5 of the user-data",
	} {
		r := userdata.Check(text)
		if r == nil || !strings.Contains(r.Fields[userdata.Field], says) {
			t.Errorf("%.60q: %v", text, r)
		}
	}
}

// No value gets out of the place that it stands in: of a word of YAML, of quotes, of a shell's word.
func TestValuesStayWhereTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9.-]{0,40}`), rapid.StringMatching("[a-z;$`\"' \n{}-]{1,12}")).Draw(t, "value")
		text, ok := userdata.Fill("#cloud-config\na: __VOLARY_NODE_NAME__\nb: \"__VOLARY_NODE_NAME__\"\nc: [x, 'y __VOLARY_NODE_NAME__']\n", userdata.Values{userdata.NodeName: v})
		if !ok {
			return
		}
		var got struct {
			A, B string
			C    []string
		}
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || got.A != v || got.B != v || len(got.C) != 2 || got.C[1] != "y "+v {
			t.Fatalf("%q makes %+v, %v", v, got, err)
		}
		if strings.ContainsAny(v, " \t\n\"'`$\\;&|<>(){}[]*?!#~=%:,@/") || v == "" || v[0] == '-' {
			t.Fatalf("%q is a value", v)
		}
	})
}
