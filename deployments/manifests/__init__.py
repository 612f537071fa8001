"""Image tags in manifests: text in, text and records out. Pure. The way in is `update.update_images`; `drift.compare` reads its records."""
