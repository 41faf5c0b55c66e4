PYTHON = .venv/bin/python
LINT = .venv

.PHONY: check docs doors stores test lint format fixtures conformance hostile hostile-validation displaced faults faults-plain replaced replaced-stores replaced-assets many-files soak resumes \
	fuzz bench versions meaning georeferences written written-crs like-gdal identity references \
	references-orders overviews over-http verdicts others advised fuzz-lzw export export-large export-resumes write-memory

check: ## what CI runs
	bash .ci/run

test:
	$(PYTHON) -m pytest -q

versions: ## the whole suite on the lowest and on the newest version of every dependency
	bash .ci/run versions

lint:
	$(LINT)/bin/ruff format --check .
	$(LINT)/bin/ruff check .
	$(LINT)/bin/pyright --pythonpath $(LINT)/bin/python
	$(LINT)/bin/lint-imports

DOCS = .venv

docs: ## the documentation site, into site/: warnings are errors; needs the extra "docs", Python 3.12 or newer
	$(DOCS)/bin/sphinx-build --fail-on-warning --keep-going -q -c docs -d build/doctrees . site

format:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

fixtures: ## remake the fixtures and say which differ
	$(PYTHON) fixtures/make.py --check

conformance: ## the whole matrix, against GDAL and tifffile; makes spec/conformance.md anew
	$(PYTHON) tests/conformance/run.py --all --write

meaning: ## nodata, masks, alpha and palettes in every layout, by every way of reading
	$(PYTHON) tests/meaning/run.py --all

georeferences: ## ten points of each of 1,300 georeferences, against GDAL and PROJ
	$(PYTHON) tests/georeferences/run.py --all

written: ## a thousand files of every kind written, and read and judged by others
	$(PYTHON) tests/writing/run.py

GDAL_PYTHON = python3
RIO_COGEO_PYTHON = $(PYTHON)

verdicts: ## the corpus, COGs and 250 spoiled ones, judged as by GDAL's validator and by rio-cogeo
	$(PYTHON) tests/validation/verdicts.py --gdal $(GDAL_PYTHON) --rio-cogeo $(RIO_COGEO_PYTHON)

others: ## files by GDAL, rio-cogeo, odc-geo and tifffile through every profile; then spec/validation.md
	$(PYTHON) tests/validation/others.py --gdal $(GDAL_PYTHON) --rio-cogeo $(RIO_COGEO_PYTHON)
	$(PYTHON) tests/validation/others.py --write
like-gdal: ## overviews like GDAL's of 2,000 random sizes, against its COG driver; needs GDAL 3.11
	$(PYTHON) tests/writing/like_gdal.py

TOTAL = 2000
ONLY =

write-memory: ## what writing holds, against memory=, in 132 ways: TOTAL MiB each, or those with ONLY in their names
	$(PYTHON) benchmarks/write_memory.py --total $(TOTAL) --only "$(ONLY)"

over-http: ## windows of written files, read by GDAL over HTTP: what it asks for
	$(PYTHON) tests/writing/over_http.py

identity: ## the same pixels and options written in many ways: the same bytes
	$(PYTHON) tests/writing/identity.py

written-crs: ## every CRS of EPSG's registry written, and read by tinycog and GDAL
	$(PYTHON) tests/georeferences/written.py
	$(PYTHON) tests/georeferences/written.py --no-codes --every 5

references: ## every file of the corpus by references, read back through zarr; needs the extra "ecosystem"
	$(PYTHON) tests/references/run.py

references-orders: ## the same pixels beside packages that fight over codec names, in every order
	$(PYTHON) tests/references/orders.py

advised: ## files that break rules, each command that is advised, and the files looked at again; needs gdal_translate
	$(PYTHON) tests/advised/run.py

hostile: ## every hostile file, under limits of time, memory and requests
	$(PYTHON) tests/hostile/run.py

hostile-validation: ## every hostile file through every profile of validate, at every depth
	$(PYTHON) tests/hostile/validation.py

displaced: ## one displaced tile among five million, 1,000 times
	$(PYTHON) tests/displaced_tiles.py

faults: ## every server fault, each in a process of its own under limits
	$(PYTHON) tests/faults/run.py

faults-plain: ## the same with every request sent by aiohttp's public API
	$(PYTHON) tests/faults/run.py --plain

replaced: ## 10,000 reads of a file that is replaced meanwhile
	$(PYTHON) tests/faults/replaced.py

replaced-stores: ## the same in S3 (also by obstore) and Google Cloud Storage, on servers of the extra "stores"
	$(PYTHON) tests/faults/replaced_in_stores.py s3
	$(PYTHON) tests/faults/replaced_in_stores.py obstore
	$(PYTHON) tests/faults/replaced_in_stores.py gs

replaced-assets: ## 1,000 objects that are replaced after they were indexed
	$(PYTHON) tests/replaced_assets.py 1000

many-files: ## a raster cut into 64 files and 500 windows; 500 random grids against rasterio's WarpedVRT
	TINYCOG_WINDOWS=500 TINYCOG_GRIDS=500 $(PYTHON) -m pytest -q --timeout=0 -o faulthandler_timeout=0 tests/test_mosaic.py tests/test_stack.py -k 'was_cut or warped_vrt'

stores: ## tests against servers of object stores: moto, fake-gcs-server, Azurite
	$(PYTHON) -m pytest -q -m stores

doors: ## 500 windows through every library and store that is installed: pixels, masks, places
	$(PYTHON) tests/doors/run.py

soak: ## 20,000 tiles, 256 at once, with faults and cancellations
	$(PYTHON) tests/faults/soak.py

SECONDS = 600
CASES = 1000000000
PROCESSES = 2

fuzz: ## broken files for SECONDS, or CASES of them; then guided by coverage, if atheris is there
	@failed=0; \
	$(PYTHON) tests/fuzz/run.py --seconds $(SECONDS) --cases $(CASES) --processes $(PROCESSES) || failed=1; \
	$(PYTHON) tests/fuzz/guided.py --seconds $(SECONDS) || failed=1; \
	exit $$failed

STREAMS = 1000000

fuzz-lzw: ## STREAMS broken streams of LZW by both decoders, in processes of their own under limits
	$(PYTHON) tests/fuzz/decoders.py lzw --streams $(STREAMS) --processes $(PROCESSES)

resumes: ## 100 writes that are killed at random moments, and resumed
	$(PYTHON) tests/resumes.py 100 2048

overviews: ## the next level of every size from 1 x 1 to 70 x 70, against a brute-force oracle
	$(PYTHON) tests/overviews_of_all_sizes.py

bench: ## decoding, then reading against the peers that are installed
	.venv/bin/pip install -q -e '.[test,bench]'
	$(PYTHON) benchmarks/decode.py
	$(PYTHON) benchmarks/read.py --quick

export: ## 2 GB of pixels to each kind of target in 128 MB
	$(PYTHON) tests/export_memory.py 2 128

export-large: ## 20 GB in 500 MB
	$(PYTHON) tests/export_memory.py 20 500

export-resumes: ## exports that are killed 20 times each, and go on
	$(PYTHON) tests/export_kills.py 20 4096
