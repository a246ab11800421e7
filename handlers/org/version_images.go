package org

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// mostImages are offered to a version.
const mostImages = 1000

func (h Handlers) allImages(c echo.Context) ([]models.Image, error) {
	orgID, _ := where(c)
	return h.Models.Images(c.Request().Context(), orgID, store.Page{Limit: mostImages})
}

// mostSuggested is for how many images a form suggests a user to sign in as.
const mostSuggested = 8

// signInSuggestions says for images whom they likely have for signing in: what the console of a cluster's head named, else what an image's
// name tells of its system. The head's image comes first.
func (h Handlers) signInSuggestions(c echo.Context, images []models.Image, head string) ([]web.SignInSuggestion, error) {
	orgID, _ := where(c)
	seen, err := h.Machines.SeenUsers(c.Request().Context(), orgID)
	if err != nil {
		return nil, err
	}
	by := map[uuid.UUID]machines.SeenUser{}
	for _, s := range seen {
		by[s.ImageID] = s
	}
	var list []web.SignInSuggestion
	for _, i := range images {
		s := web.SignInSuggestion{Image: i.Name, User: by[i.ID].User, Cluster: by[i.ID].Cluster}
		if s.User == "" {
			s.User, s.System = provisioner.UsualUser(i.Name)
		}
		if s.User == "" {
			continue
		}
		if i.ID.String() == head {
			list = slices.Insert(list, 0, s)
		} else {
			list = append(list, s)
		}
	}
	return list[:min(len(list), mostSuggested)], nil
}

// findImages finds what a file calls its images among the organization's, and writes names and digests as they are here. It gives the
// images of the groups, Nil where there is none, and says of each that it did not find why, by its path.
func findImages(m *provisioner.Model, images []models.Image, wrong map[string]string) []uuid.UUID {
	m.Compute = slices.Clone(m.Compute)
	group := func(path string, g *provisioner.Group) uuid.UUID {
		g.DataDisks = slices.Clone(g.DataDisks)
		for i, d := range g.DataDisks {
			if d.Image != nil {
				ref := *d.Image
				findImage(fmt.Sprintf("%s.data_disks[%d].image", path, i), &ref, images, wrong)
				g.DataDisks[i].Image = &ref
			}
		}
		return findImage(path+".image", &g.Image, images, wrong)
	}
	ids := []uuid.UUID{group("head", &m.Head)}
	for i := range m.Compute {
		ids = append(ids, group(fmt.Sprintf("compute[%d]", i), &m.Compute[i]))
	}
	return ids
}

func findImage(path string, ref *provisioner.ImageRef, images []models.Image, wrong map[string]string) uuid.UUID {
	if *ref == (provisioner.ImageRef{}) {
		return uuid.Nil // that one is missing is said by the check
	}
	found := called(*ref, images)
	switch {
	case len(found) == 0 && ref.Digest != "":
		wrong[path+".digest"] = "No image of the organization has this digest: it was never here, or it was deleted. Upload it, or name one of yours" + names(images)
	case len(found) == 0:
		wrong[path+".name"] = "The organization has no image named " + typed.Quoted(ref.Name) + ". Name one of yours" + names(images)
	case slices.ContainsFunc(found, func(i models.Image) bool { return i.GuestDigest != found[0].GuestDigest }):
		wrong[path+".name"] = fmt.Sprintf("%s are named %s and differ. Write the digest of the one that is meant: the page of each image says it.",
			refusal.Plural(len(found), "image", "images"), typed.Quoted(ref.Name))
	default:
		*ref = provisioner.ImageRef{Name: found[0].Name, Digest: found[0].GuestDigest}
		return found[0].ID
	}
	return uuid.Nil
}

// called are the images that a file's words are true of, the newest first: of its digest, else of its name. Where several have the
// digest, and some of them the name, these.
func called(ref provisioner.ImageRef, images []models.Image) []models.Image {
	with := func(list []models.Image, fits func(i models.Image) bool) (out []models.Image) {
		for _, i := range list {
			if fits(i) {
				out = append(out, i)
			}
		}
		return out
	}
	named := func(i models.Image) bool { return i.Name == ref.Name }
	if ref.Digest == "" {
		return with(images, named)
	}
	same := with(images, func(i models.Image) bool { return i.GuestDigest == ref.Digest })
	if both := with(same, named); len(both) > 0 {
		return both
	}
	return same
}

// names are the names of some images, at the end of a sentence that asks for one.
func names(images []models.Image) string {
	const most = 5
	var list []string
	for _, i := range images {
		if q := typed.Quoted(i.Name); len(list) < most && !slices.Contains(list, q) {
			list = append(list, q)
		}
	}
	if len(list) == 0 {
		return "."
	}
	return ", such as " + strings.Join(list, ", ") + "."
}
