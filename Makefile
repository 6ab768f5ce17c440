# Targets are named VERB-DATASET. Every recipe consists of commands that also work by
# hand. FLAGS is added to them: make train-nyu FLAGS="--batch_size=4". GRADIENT_FLAGS is
# added for the gradient network only.

PYTHON   ?= python3
VENV     ?= .venv
RAW      ?=
RECORDS  ?= data/records
RUNS     ?= runs
REPORT   ?= report
TABLES   ?= tables
FIGURES  ?= figures
BENCHMARK ?= benchmark.json
DATASET  ?= nyu
IMAGE    ?=
DEPTH    ?=
GRADIENTS ?=
OUTPUT   ?= predictions
PREDICTIONS ?=
OTHER    ?=
FUZZ_SECONDS ?= 600
FLAGS    ?=
GRADIENT_FLAGS ?=
# The shell does not expand the ~ in RUNS=~/x; the programs expand it in their flags.
$(foreach name,RUNS FIGURES BENCHMARK,$(eval override $(name) := $(patsubst ~/%,$(HOME)/%,$($(name)))))

RUN   = $(VENV)/bin/python -m
READY = $(VENV)/ready
.DEFAULT_GOAL = help

RAW_NYU   = $(or $(RAW),data/raw/nyu_depth_v2)
RAW_M3D   = $(or $(RAW),data/raw/make3d)
RAW_MID   = $(or $(RAW),data/raw/middlebury)
NYU       = $(RECORDS)/nyu_depth_v2
M3D       = $(RECORDS)/make3d
MID       = $(RECORDS)/middlebury

.PHONY: help setup demo demo-photographs demo-training test test-all test-beam faults lint data-nyu data-make3d data-mid \
        train-nyu train-nyu-fcrn train-nyu-lateral train-make3d train-make3d-fcrn predict fuse verify-weights \
        eval-nyu eval-nyu-fcrn eval-nyu-lateral eval-nyu-transfer eval-make3d eval-make3d-fcrn eval-make3d-transfer eval-mid eval-mid-fcrn eval-mid-transfer ablation report tables figures example-picture detail-picture table5 bench bench-fusion bench-distribution fuzz clean

help:  ## Lists the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 22

# Flags that the program of the gradient network does not have and must ignore.
DEPTH_ONLY = lateral_connections,architecture,encoder_weights,encoder_batch_norm,batch_norm_momentum,output_scale,output_offset,output_relu,lambda_berhu,lambda_fsim,berhu_c,max_depth,lambda_log
# --init_from names a depth network in FLAGS, a gradient network in GRADIENT_FLAGS.
BOTH_FLAGS = --undefok=$(DEPTH_ONLY) $(filter-out --init_from=%,$(FLAGS)) $(GRADIENT_FLAGS)

RECORDS_OF_nyu        = nyu_depth_v2
RECORDS_OF_make3d     = make3d
RECORDS_OF_middlebury = middlebury
SPLIT_OF_middlebury   = simple
# 3D views need metric depth; networks trained on NYU are aligned to the scene.
TRANSFERRED           = karsch_2014=$(RUNS)/$(1)/predictions/karsch_2014,choi_2015=$(RUNS)/$(1)/predictions/choi_2015
FIGURES_OF_nyu        = $(call TRANSFERRED,nyu),fcrn=$(RUNS)/nyu/predictions/fcrn,dpde=$(RUNS)/nyu/predictions/dpde
FIGURES_OF_make3d     = $(call TRANSFERRED,make3d),fcrn=$(RUNS)/make3d/predictions/fcrn,dpde=$(RUNS)/make3d/predictions/dpde
FIGURES_OF_middlebury = $(call TRANSFERRED,middlebury),fcrn=$(RUNS)/middlebury/predictions/fcrn,dpde=$(RUNS)/middlebury/predictions/dpde --split=$(lastword $(MID_SPLITS)) --align=median
TRANSFER              = konrad_2012 karsch_2014 choi_2015
# Adds the difference to the modified FCRN if its predictions exist.
AGAINST_DPDE  = $(if $(wildcard $(RUNS)/nyu/predictions/dpde),--compare_with=$(RUNS)/nyu/predictions/dpde --compare_key=depth)
# Flags of the baseline FCRN in Table 4.
BASELINE      = --nolateral_connections --lambda_fsim=0
MID_NETWORKS  = --depth_run=$(RUNS)/nyu/depth --gradient_run=$(RUNS)/nyu/gradient
# 2001 and 2003 have no calibration, so that a set of those scenes has one split.
MID_SPLITS    = simple $(if $(shell grep -s '"calibrated"' $(MID)/manifest.json),calibrated)
DEMO_RECORDS  = --records=data/demo/nyu
DEMO_TRAINING = $(DEMO_RECORDS) --preset=recommended --epochs=5 --warmup_steps=10 --num_validation=16

# ---- Set-up and checks ----

setup: $(READY)  ## Creates the virtual environment .venv with the pinned packages

$(READY): setup.cfg constraints.txt
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 to 3.13 is needed: make setup PYTHON=python3.11') if not (3, 11) <= sys.version_info[:2] <= (3, 13) else None"
	$(PYTHON) -m venv $(VENV)
	@echo "Installs TensorFlow and others into $(VENV): this takes minutes."
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[dev,figures,report]" --constraint constraints.txt
	$(VENV)/bin/python -c "import cv2" || (echo "OpenCV lacks a system library: install libgl1 and libglib2.0-0 (Debian's names), or put opencv-python-headless in place of opencv-python into $(VENV)." && false)
	touch $(READY)

test: $(READY)  ## Runs the fast tests, on 2 cores
	$(VENV)/bin/pytest -n 2 --dist loadfile $(FLAGS)

test-all: $(READY)  ## Runs all tests, including those on real data if DPDE_DATA is set
	$(VENV)/bin/pytest -m "" $(FLAGS)

faults: $(READY)  ## Runs programs under kills, full disks and interruptions
	$(VENV)/bin/pytest -m "" tests/faults $(FLAGS)

test-beam:  ## Runs the tests of Apache Beam in a separate environment, .venv-beam
	$(PYTHON) -m venv $(VENV)-beam
	$(VENV)-beam/bin/pip install --quiet --disable-pip-version-check --editable ".[dev,beam]"
	$(VENV)-beam/bin/pytest -m "" tests/data_prep/test_beam_conversion.py $(FLAGS)

fuzz: $(READY)  ## Fuzzes the parsers for FUZZ_SECONDS=600, guided by coverage
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[fuzz]" --constraint constraints.txt
	$(VENV)/bin/python tests/fuzz_parsers.py --seconds=$(FUZZ_SECONDS)

lint: $(READY)  ## Checks style and format
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

# ---- Demonstrations: shipped networks, and the whole method from data to report ----

demo: demo-photographs demo-training  ## Runs both demonstrations

demo-photographs: $(READY)  ## Predicts three rendered rooms, with 3D pages, in a minute: predictions/demo
	$(RUN) experiments.predict --images=experiments/photographs --output=predictions/demo --export=html --overwrite

demo-training: $(READY)  ## Runs the whole method on synthetic scenes in 10 minutes: report/index.html
	test -d data/demo/raw/nyu || $(RUN) data_prep.synthetic --dataset=nyu --num_train=112 --num_test=16 --output=data/demo/raw
	test -d data/demo/raw/make3d || $(RUN) data_prep.synthetic --dataset=make3d --num_train=6 --num_test=2 --output=data/demo/raw
	test -d data/demo/raw/middlebury || $(RUN) data_prep.synthetic --dataset=middlebury --num_test=8 --output=data/demo/raw
	$(RUN) data_prep.nyu_depth_v2 --raw=data/demo/raw/nyu --output=data/demo/nyu --image_size=120,160 --allow_partial --overwrite --name="synthetic rooms"
	$(RUN) data_prep.make3d --raw=data/demo/raw/make3d --output=data/demo/make3d --allow_partial --overwrite --name="synthetic rooms"
	$(RUN) data_prep.middlebury --raw=data/demo/raw/middlebury --output=data/demo/middlebury --allow_partial --overwrite --name="synthetic rooms"
	$(RUN) experiments.train_depth $(DEMO_TRAINING) --workdir=runs/demo/depth --encoder_weights=none
	$(RUN) experiments.train_depth $(DEMO_TRAINING) --workdir=runs/demo/fcrn --encoder_weights=none $(BASELINE)
	$(RUN) experiments.train_gradient $(DEMO_TRAINING) --workdir=runs/demo/gradient --width=32 --crop_size=64,64
	$(RUN) experiments.predict $(DEMO_RECORDS) --depth_run=runs/demo/depth --gradient_run=runs/demo/gradient --output=runs/demo/predictions/dpde --overwrite
	$(RUN) experiments.predict $(DEMO_RECORDS) --depth_run=runs/demo/fcrn --output=runs/demo/predictions/fcrn --overwrite
	$(RUN) experiments.evaluate $(DEMO_RECORDS) --predictions=runs/demo/predictions/dpde
	$(RUN) experiments.evaluate $(DEMO_RECORDS) --predictions=runs/demo/predictions/fcrn
	$(RUN) experiments.figures $(DEMO_RECORDS) --predictions=fcrn=runs/demo/predictions/fcrn,dpde=runs/demo/predictions/dpde --focal=138.6 --num_images=2 --output=figures/demo
	$(RUN) experiments.report $(DEMO_RECORDS) --runs=runs/demo --figures=figures/demo --output=$(REPORT) --note="A demonstration: small synthetic scenes, a few epochs, an encoder without ImageNet weights. It shows that all parts work, not how well the method does."

# ---- Data: download (or RAW=folder), conversion, verification ----

data-nyu: $(READY)  ## Converts NYU Depth v2: 795 + 654 records (downloads 3.0 GB without RAW)
	$(if $(RAW),,$(RUN) data_prep.download --dataset=nyu --raw="$(RAW_NYU)")
	$(RUN) data_prep.nyu_depth_v2 --raw="$(RAW_NYU)" --output=$(NYU) $(FLAGS)
	$(RUN) data_prep.verification --records=$(NYU)

data-make3d: $(READY)  ## Converts Make3D: 400 + 134 records
	$(if $(RAW),,$(RUN) data_prep.download --dataset=make3d --raw="$(RAW_M3D)")
	$(RUN) data_prep.make3d --raw="$(RAW_M3D)" --output=$(M3D) $(FLAGS)
	$(RUN) data_prep.verification --records=$(M3D)

data-mid: $(READY)  ## Converts Middlebury: 35 records, for testing
	$(if $(RAW),,$(RUN) data_prep.download --dataset=middlebury --raw="$(RAW_MID)")
	$(RUN) data_prep.middlebury --raw="$(RAW_MID)" --output=$(MID) $(FLAGS)
	$(RUN) data_prep.verification --records=$(MID)

# ---- Training ----

train-nyu: $(READY)  ## Trains modified FCRN and gradient network on NYU
	$(RUN) experiments.train_depth --records=$(NYU) --workdir=$(RUNS)/nyu/depth $(FLAGS)
	$(RUN) experiments.train_gradient --records=$(NYU) --workdir=$(RUNS)/nyu/gradient $(BOTH_FLAGS)

train-nyu-fcrn: $(READY)  ## Trains the baseline FCRN on NYU: no lateral connections, BerHu only
	$(RUN) experiments.train_depth $(BASELINE) --records=$(NYU) --workdir=$(RUNS)/nyu/fcrn $(FLAGS)

train-nyu-lateral: $(READY)  ## Trains FCRN with lateral connections on NYU: BerHu only
	$(RUN) experiments.train_depth --lambda_fsim=0 --records=$(NYU) --workdir=$(RUNS)/nyu/lateral $(FLAGS)

train-make3d: $(READY)  ## Trains modified FCRN and gradient network on Make3D
	$(RUN) experiments.train_depth --records=$(M3D) --workdir=$(RUNS)/make3d/depth $(FLAGS)
	$(RUN) experiments.train_gradient --records=$(M3D) --workdir=$(RUNS)/make3d/gradient $(BOTH_FLAGS)

train-make3d-fcrn: $(READY)  ## Trains the baseline FCRN on Make3D
	$(RUN) experiments.train_depth $(BASELINE) --records=$(M3D) --workdir=$(RUNS)/make3d/fcrn $(FLAGS)

# ---- Prediction and scores ----

# Predicts and scores NYU with a depth network only.
define EVAL_DEPTH
$(RUN) experiments.predict --depth_run=$(RUNS)/nyu/$(1) --records=$(NYU) --output=$(RUNS)/nyu/predictions/$(1) --overwrite $(FLAGS)
$(RUN) experiments.evaluate --predictions=$(RUNS)/nyu/predictions/$(1) --records=$(NYU) --protocol=all $(AGAINST_DPDE)
endef

# Scores one of TRANSFER.
define SCORE_TRANSFER
$(RUN) experiments.evaluate --predictions=$(RUNS)/$(1)/predictions/$(2) --protocol=all $(3)

endef

predict: $(READY)  ## Predicts photographs with the shipped networks: make predict IMAGE=photo.jpg
	$(if $(IMAGE),,$(error Give a photograph or a folder of them: make predict IMAGE=photo.jpg))
	$(RUN) experiments.predict --images="$(IMAGE)" --output="$(OUTPUT)" --export=html --overwrite $(FLAGS)

fuse: $(READY)  ## Refines any network's depth: make fuse DEPTH=folder GRADIENTS=folder (or IMAGE=folder)
	$(if $(DEPTH),,$(error Give a folder of depth maps, and of gradients or images: make fuse DEPTH=folder GRADIENTS=folder))
	$(RUN) experiments.fuse --depth="$(DEPTH)" $(if $(GRADIENTS),--gradients="$(GRADIENTS)",--images="$(IMAGE)") --output="$(OUTPUT)" $(FLAGS)

verify-weights: $(READY)  ## Checks the scores of the shipped networks on 100 test images of NYU
	$(RUN) experiments.predict --records=$(NYU) --num_records=100 --output=predictions/verify --overwrite
	$(RUN) experiments.evaluate --predictions=predictions/verify --records=$(NYU) --allow_partial --output=predictions/verify_scores
	$(RUN) experiments.compare_scores --scores=predictions/verify_scores --reference=experiments/results/nyu/scores/dpde_guided $(FLAGS)

eval-nyu: $(READY)  ## Predicts and scores the 654 test images of NYU
	$(RUN) experiments.predict --depth_run=$(RUNS)/nyu/depth --gradient_run=$(RUNS)/nyu/gradient --records=$(NYU) --output=$(RUNS)/nyu/predictions/dpde --overwrite $(FLAGS)
	$(RUN) experiments.evaluate --predictions=$(RUNS)/nyu/predictions/dpde --records=$(NYU) --protocol=all --compare_key=depth

eval-nyu-fcrn: $(READY)  ## Predicts and scores NYU with the baseline FCRN
	$(call EVAL_DEPTH,fcrn)

eval-nyu-lateral: $(READY)  ## Predicts and scores NYU with FCRN with lateral connections
	$(call EVAL_DEPTH,lateral)

eval-nyu-transfer: $(READY)  ## Predicts and scores NYU with our implementations of [10], [11] and [12], without training
	$(RUN) experiments.transfer_depth --database=$(NYU) --records=$(NYU) --output=$(RUNS)/nyu/predictions $(FLAGS)
	$(foreach method,$(TRANSFER),$(call SCORE_TRANSFER,nyu,$(method),--records=$(NYU)))

eval-make3d: $(READY)  ## Predicts and scores the 134 test images of Make3D, C1 and C2
	$(RUN) experiments.predict --depth_run=$(RUNS)/make3d/depth --gradient_run=$(RUNS)/make3d/gradient --records=$(M3D) --output=$(RUNS)/make3d/predictions/dpde --overwrite $(FLAGS)
	$(RUN) experiments.evaluate --predictions=$(RUNS)/make3d/predictions/dpde --records=$(M3D) --protocol=c1,c2 --compare_key=depth

eval-make3d-fcrn: $(READY)  ## Predicts and scores Make3D with the baseline FCRN
	$(RUN) experiments.predict --depth_run=$(RUNS)/make3d/fcrn --records=$(M3D) --output=$(RUNS)/make3d/predictions/fcrn --overwrite $(FLAGS)
	$(RUN) experiments.evaluate --predictions=$(RUNS)/make3d/predictions/fcrn --records=$(M3D) --protocol=c1,c2

eval-make3d-transfer: $(READY)  ## Predicts and scores Make3D with our implementations of [10], [11] and [12]
	$(RUN) experiments.transfer_depth --database=$(M3D) --records=$(M3D) --output=$(RUNS)/make3d/predictions $(FLAGS)
	$(foreach method,$(TRANSFER),$(call SCORE_TRANSFER,make3d,$(method),--records=$(M3D)))

# Predicts all scenes of Middlebury, and scores those of each split.
define EVAL_MID
$(RUN) experiments.predict $(2) --records=$(MID) --split=simple --output=$(RUNS)/middlebury/predictions/$(1) --overwrite $(FLAGS)
$(foreach split,$(MID_SPLITS),$(call SCORE_MID,$(1),$(split),$(3)))
endef
define SCORE_MID
$(RUN) experiments.evaluate --predictions=$(RUNS)/middlebury/predictions/$(1) --records=$(MID) --split=$(2) --protocol=all $(3) --output=$(RUNS)/middlebury/scores/$(1)$(if $(filter calibrated,$(2)),_calibrated --allow_partial)

endef

eval-mid: $(READY)  ## Predicts and scores Middlebury with the networks trained on NYU
	$(call EVAL_MID,dpde,$(MID_NETWORKS),--compare_key=depth)

eval-mid-fcrn: $(READY)  ## Predicts and scores Middlebury with the baseline FCRN
	$(call EVAL_MID,fcrn,--depth_run=$(RUNS)/nyu/fcrn)

eval-mid-transfer: $(READY)  ## Predicts and scores Middlebury with our implementations of [10], [11] and [12], from NYU
	$(RUN) experiments.transfer_depth --database=$(NYU) --records=$(MID) --split=simple --output=$(RUNS)/middlebury/predictions $(FLAGS)
	$(foreach method,$(TRANSFER),$(foreach split,$(MID_SPLITS),$(call SCORE_MID,$(method),$(split))))

ablation: $(READY)  ## Scores gradients on NYU, and the fusion with zero, image and true ones (Table 4)
	$(RUN) experiments.ablations.gradient_scores --predictions=$(RUNS)/nyu/predictions/dpde --records=$(NYU)
	$(RUN) experiments.ablations.fusion_ablation --predictions=$(RUNS)/nyu/predictions/dpde --records=$(NYU) --output=$(RUNS)/nyu/predictions $(FLAGS)
	$(RUN) experiments.evaluate --predictions=$(RUNS)/nyu/predictions/zero_gradients --records=$(NYU) --compare_with=$(RUNS)/nyu/predictions/dpde --compare_key=fused
	$(RUN) experiments.evaluate --predictions=$(RUNS)/nyu/predictions/image_gradients --records=$(NYU) --compare_with=$(RUNS)/nyu/predictions/dpde --compare_key=fused
	$(RUN) experiments.evaluate --predictions=$(RUNS)/nyu/predictions/true_gradients --records=$(NYU) --compare_with=$(RUNS)/nyu/predictions/dpde --compare_key=fused

report: $(READY)  ## Writes report/DATASET/index.html; DATASET is nyu, make3d or middlebury
	$(RUN) experiments.report --runs=$(RUNS)/$(DATASET) --records=$(RECORDS)/$(RECORDS_OF_$(DATASET)) --split=$(or $(SPLIT_OF_$(DATASET)),test) $(if $(wildcard $(FIGURES)/$(DATASET)/figures.json),--figures=$(FIGURES)/$(DATASET)) --output=$(REPORT)/$(DATASET) $(FLAGS)

tables: $(READY)  ## Writes Tables 1 to 5 from all scores, in Markdown, CSV and LaTeX: tables/
	$(RUN) experiments.tables --table=1,2,3,4,5 $(foreach folder,$(patsubst %/summary.json,%,$(wildcard $(RUNS)/*/scores/*/summary.json)),--scores=$(subst /scores/,/,$(folder:$(RUNS)/%=%))=$(folder)) $(if $(wildcard $(BENCHMARK)),--benchmark=$(BENCHMARK)) --output=$(TABLES) $(FLAGS)

figures: $(READY)  ## Writes Figs. 3 to 8 and 3D pages of DATASET: figures/DATASET
	$(RUN) experiments.figures --records=$(RECORDS)/$(RECORDS_OF_$(DATASET)) --predictions=$(FIGURES_OF_$(DATASET)) --output=$(FIGURES)/$(DATASET) $(FLAGS)

example-picture: $(READY)  ## Writes the picture of the README again: every 131st test image of NYU
	$(RUN) experiments.example_picture --records=$(NYU) --output=experiments/results/examples.jpg

detail-picture: $(READY)  ## Writes details of these images, with the depth of OTHER (PNG, mm) before and after
	$(if $(OTHER),,$(error Give the other network's depth: make detail-picture OTHER=folder))
	$(RUN) experiments.example_picture --records=$(NYU) --detail --other_depth="$(OTHER)" --depth_scale=0.001 --output=experiments/results/details.jpg

table5: $(READY)  ## Prints Table 5: parameters and arithmetic of the networks
	$(RUN) experiments.tables --table=5 $(FLAGS)

bench: $(READY)  ## Times the parts on this machine
	$(RUN) experiments.benchmark $(FLAGS)

bench-fusion: $(READY)  ## Times the fusion and other solvers (also on PREDICTIONS=folder)
	$(RUN) experiments.benchmark_fusion $(if $(PREDICTIONS),--predictions="$(PREDICTIONS)") $(FLAGS)

bench-distribution: $(READY)  ## Times training with one and two processes over loopback
	$(RUN) experiments.benchmark_distribution --records=$(NYU) $(FLAGS)

clean:  ## Removes caches, but no data, runs, predictions or reports
	rm -rf build .pytest_cache .ruff_cache dpde_tf.egg-info
	find dpde_tf data_prep experiments tests -name __pycache__ -prune -exec rm -rf {} +
