package org

import (
	"github.com/labstack/echo/v4"

	"volary.dev/web/ui"
)

// ListImages shows the organization's images.
func (h Handlers) ListImages(echo.Context) error { return echo.ErrNotFound }

// NewImage uploads one.
func (h Handlers) NewImage(echo.Context) error { return echo.ErrNotFound }

// ShowImage shows an image's verdict.
func (h Handlers) ShowImage(echo.Context) error { return echo.ErrNotFound }

// imageOptions are the images that a version may use.
func (h Handlers) imageOptions(c echo.Context) ([]ui.Option, error) { return nil, nil }
