"""Which images are one irradiation, and when their CTDIvol means anything."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from ocr_service.dose.report import CTAcquisitionType, Phantom
from ocr_service.study.header import image_events
from tests.study.headers import enhanced, image, localizer, reformats, spiral, uid, whole_spiral


def doses(datasets):
    return [event for event in image_events(datasets) if not event.localizer]


def test_reformatted_images_with_a_copied_ctdivol_count_nothing():
    assert image_events(reformats()) == ()
    assert image_events([*whole_spiral(), *reformats()]) == image_events(whole_spiral())


@pytest.mark.parametrize(
    "image_type",
    [
        ["DERIVED", "SECONDARY", "REFORMATTED"],
        ["ORIGINAL", "SECONDARY", "AXIAL"],
        ["DERIVED", "PRIMARY", "AXIAL"],
        ["ORIGINAL", "PRIMARY", "AXIAL", "MPR"],
        ["ORIGINAL"],
        [],
    ],
)
def test_only_original_primary_images_count(image_type):
    assert image_events(spiral(ImageType=image_type)) == ()


def test_objects_of_other_classes_count_nothing_whatever_they_state():
    assert image_events(spiral(SOPClassUID="1.2.840.10008.5.1.4.1.1.7")) == ()


def test_a_localizer_is_an_event_of_its_own_without_dose():
    scan, scout = sorted(image_events([*whole_spiral(), localizer()]), key=lambda event: event.localizer)

    assert (scout.localizer, scout.images, scout.mean_ctdivol, scout.dlp) == (True, 1, None, None)
    assert scout.acquisition_type is CTAcquisitionType.CONSTANT_ANGLE
    assert scan.mean_ctdivol == 10


def test_events_come_in_the_order_of_acquisition():
    assert [event.localizer for event in image_events([*whole_spiral(), localizer()])] == [True, False]


def test_thin_and_thick_reconstructions_of_one_spiral_are_one_event_counted_once():
    thick = whole_spiral("thick", 2, 5)
    (event,) = image_events([*whole_spiral(), *thick])

    assert (event.images, len(event.series_instance_uids), event.ambiguous) == (12, 2, "")
    assert (event.mean_ctdivol, event.complete) == (10, True)
    # thin slices cover -0.5 to 9.5, thick ones -2.5 to 7.5: 12 mm together
    assert event.dlp == Decimal("12")


def test_the_order_of_the_files_changes_nothing():
    images = [*whole_spiral(), *spiral("late", AcquisitionTime="102000"), *reformats(), localizer()]
    told = image_events(images)
    for seed in range(5):
        random.Random(seed).shuffle(images)
        assert image_events(images) == told


def test_an_object_that_comes_twice_counts_once():
    assert image_events([*whole_spiral(), *whole_spiral()]) == image_events(whole_spiral())


def test_two_phases_with_one_acquisition_number_are_two_events_where_minutes_part_them():
    assert len(doses([*spiral(), *spiral("late", AcquisitionTime="101700")])) == 2


def test_a_gap_of_a_few_seconds_is_ambiguous():
    one, other = doses([*spiral(), *spiral("late", AcquisitionTime="101506")])

    assert "few seconds" in one.ambiguous
    assert "few seconds" in other.ambiguous


def test_equal_irradiation_event_uids_are_one_event_whatever_else_differs():
    same = {"IrradiationEventUID": uid("event")}
    (event,) = doses([*spiral(**same), *spiral("late", AcquisitionNumber=9, AcquisitionTime="103000", **same)])

    assert event.irradiation_event_uid == uid("event")


def test_different_irradiation_event_uids_are_never_merged():
    images = [*spiral(IrradiationEventUID=uid("a")), *spiral("b", IrradiationEventUID=uid("b"))]

    assert [event.ambiguous for event in doses(images)] == ["", ""]


def test_images_without_a_uid_that_touch_two_events_are_ambiguous():
    images = [*spiral(IrradiationEventUID=uid("a")), *spiral("b", IrradiationEventUID=uid("b")), *spiral("c")]
    events = doses(images)

    assert len(events) == 2
    assert any("two events" in event.ambiguous for event in events)


@pytest.mark.parametrize("other", [{"FrameOfReferenceUID": uid("other")}, {"DeviceSerialNumber": "8"}])
def test_another_frame_of_reference_or_scanner_is_another_event(other):
    assert len(doses([*spiral(), *spiral("late", AcquisitionTime="101700", **other)])) == 2


def test_two_voltages_at_one_time_are_two_tubes_and_state_no_dose():
    events = doses([*whole_spiral(), *whole_spiral("high", KVP="140")])

    assert [event.mean_ctdivol for event in events] == [None, None]
    assert all("another voltage" in event.ambiguous for event in events)


def test_the_rotations_of_a_step_and_shoot_scan_that_counts_them_are_one_event():
    rotations = [
        image(
            "seq", 5.0 * n, "5", AcquisitionType="SEQUENCED", AcquisitionNumber=2 + n, AcquisitionTime=f"1015{3 * n:02}"
        )
        for n in range(6)
    ]
    (event,) = doses(rotations)

    assert (event.images, event.acquisition_number, event.ambiguous) == (6, "2-7", "")


def test_a_second_step_and_shoot_scan_over_the_same_place_is_another_event():
    rotations = [
        image(
            "seq",
            5.0 * (n % 4),
            "5",
            AcquisitionType="SEQUENCED",
            AcquisitionNumber=2 + n,
            AcquisitionTime=f"1015{3 * n:02}",
        )
        for n in range(8)
    ]

    assert [event.acquisition_number for event in doses(rotations)] == ["2-5", "6-9"]


def test_images_without_times_are_one_event_and_say_that_nobody_can_know():
    (event,) = doses([*spiral(AcquisitionTime=None), *spiral("thick", AcquisitionTime=None)])

    assert event.ambiguous == "its images state no acquisition time"


def test_the_dlp_is_ctdivol_times_extent_over_a_complete_set():
    (event,) = doses(whole_spiral(count=20, thickness=5, ctdivol=None))

    assert (event.mean_ctdivol, event.dlp) == (10, Decimal("100"))


def test_a_modulated_complete_set_has_the_mean_of_its_slices():
    (event,) = doses(whole_spiral(count=4, ctdivol=[8.0, 10.0, 13.0, 9.0], ExposureModulationType="Z"))

    assert (event.mean_ctdivol, event.dlp, event.constant, event.modulated) == (10, 4, False, True)
    assert event.ctdivol_range == (8, 13)


def test_overlapping_slices_are_not_counted_twice():
    (event,) = doses(spiral(places=range(0, 50, 5), thickness="10", ImagesInAcquisition=10))

    assert event.dlp == Decimal("55")  # 10 mGy over 55 mm


def test_the_mean_of_a_complete_set_does_not_depend_on_a_part_reconstructed_twice():
    thin = whole_spiral(count=4, ctdivol=[8.0, 10.0, 13.0, 9.0])
    part = spiral("part", places=[2], ImagesInAcquisition=1, CTDIvol=13.0)
    (event,) = doses([*thin, *part])

    assert (event.mean_ctdivol, event.dlp) == (10, 4)


@pytest.mark.parametrize(
    ("images", "why"),
    [
        (spiral(places=range(20)), "nothing states how many images the acquisition has"),
        (spiral(places=range(20), ImagesInAcquisition=21), "20 images of 21 are at hand"),
        (spiral(places=range(20), ScanLength=140), "20 of 140 mm are at hand"),
    ],
)
def test_a_set_not_known_to_be_complete_has_no_dlp(images, why):
    (event,) = doses(images)

    assert (event.complete, event.dlp, event.notes) == (False, None, (why,))
    assert event.mean_ctdivol == 10  # the tube current is constant: every slice tells it


@pytest.mark.parametrize("modulation", ["Z MODULATION", "XY", "", None])
def test_ctdivol_of_an_incomplete_set_is_unknown_unless_it_says_that_nothing_was_modulated(modulation):
    (event,) = doses(spiral(ExposureModulationType=modulation))

    assert (event.mean_ctdivol, event.constant) == (None, True)


def test_two_equal_slices_are_chance():
    assert [event.mean_ctdivol for event in doses(spiral(places=range(2)))] == [None]
    assert [event.mean_ctdivol for event in doses(spiral(places=range(3)))] == [10]


def test_slices_that_differ_though_nothing_was_modulated_say_nothing_before_the_set_is_complete():
    assert doses([*spiral(), image(z=10.0, CTDIvol=10.5)])[0].mean_ctdivol is None


def test_a_stated_length_completes_a_set():
    (event,) = doses(spiral(places=range(20), ScanLength=20))

    assert (event.complete, event.dlp) == (True, Decimal("20"))


def test_a_number_of_images_completes_nothing_where_most_of_the_stated_length_is_missing():
    (event,) = doses(whole_spiral(count=20, ScanLength=400))

    assert (event.complete, event.dlp) == (False, None)


def test_half_a_reconstruction_beside_a_whole_short_one_is_not_complete():
    short = spiral("short", places=range(5), ImagesInAcquisition=5)
    half = spiral("half", places=range(5, 15), ImagesInAcquisition=40)

    assert [event.complete for event in doses([*short, *half])] == [False]


def test_gaps_are_ambiguous_and_have_no_dlp():
    (event,) = doses(spiral(places=[0, 1, 2, 3, 7, 8, 9], ImagesInAcquisition=7))

    assert (event.ambiguous, event.dlp) == ("its slices leave gaps", None)


def test_a_missing_slice_of_one_series_is_no_gap_where_another_series_covers_it():
    (event,) = doses([*spiral(places=[0, 1, 2, 4, 5]), *whole_spiral("thick", 3, 3)])

    assert event.ambiguous == ""


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"AcquisitionType": "STATIONARY"}, "no table movement"),
        ({"CardiacSynchronizationTechnique": "RETROSPECTIVE"}, "gated"),
        ({"ScanOptions": "CARDIAC"}, "gated"),
        ({"ImagePositionPatient": None}, "do not state where they lie"),
        ({"AcquisitionType": "SEQUENCED", "TotalCollimationWidth": 160.0}, "no table movement"),
    ],
)
def test_with_no_table_movement_or_gating_ctdivol_and_dlp_are_unknown(header, why):
    (event,) = doses(whole_spiral(**header))

    assert (event.mean_ctdivol, event.dlp) == (None, None)
    assert why in event.notes[-1]


def test_bolus_tracking_at_one_place_states_no_dose():
    images = [image("monitor", 0.0, "10", InstanceNumber=n, AcquisitionTime=f"10150{n}") for n in range(8)]
    (event,) = doses(images)

    assert (event.images, event.mean_ctdivol, event.dlp) == (8, None, None)


def test_original_images_that_lie_across_the_others_make_the_event_ambiguous():
    across = spiral("coronal", ImageOrientationPatient=["1", "0", "0", "0", "0", "-1"])
    (event,) = doses([*whole_spiral(), *across])

    assert "different directions" in event.ambiguous
    assert event.mean_ctdivol is None


@pytest.mark.parametrize("told", [0.0, -3.0, float("nan"), float("inf"), 1e300])
def test_absurd_values_are_none(told):
    (event,) = doses(whole_spiral(CTDIvol=told))

    assert (event.ctdivol_range, event.mean_ctdivol, event.dlp) == (None, None, None)


def test_a_double_becomes_the_shortest_decimal_not_its_binary_tail():
    (event,) = doses(whole_spiral(CTDIvol=0.1))

    assert str(event.mean_ctdivol) == "0.1"


def test_parameters_come_in_the_units_of_the_report():
    (event,) = doses(
        whole_spiral(
            XRayTubeCurrentInuA="215000",
            RevolutionTime=0.5,
            TotalCollimationWidth=40.0,
            SingleCollimationWidth=0.625,
            SpiralPitchFactor=0.984,
            ExposureTime="500",
            BodyPartExamined="CHEST",
        )
    )
    told = event.parameters

    assert (told.tube_current, told.maximum_tube_current, told.exposure_time_per_rotation) == (215, 215, Decimal("0.5"))
    assert (told.exposure_time, told.pitch, told.total_collimation) == (None, Decimal("0.984"), 40)
    assert (told.reconstructable_length, told.top_z, told.bottom_z) == (10, Decimal("9.5"), Decimal("-0.5"))
    assert (told.start, told.body_part, event.phantom) == ("20200102101500", "CHEST", Phantom.BODY)


def test_the_tube_current_of_a_few_modulated_slices_is_not_that_of_the_event():
    (event,) = doses(spiral(XRayTubeCurrent=112, ExposureModulationType="Z"))

    assert event.parameters.tube_current is None


def test_a_pitch_on_axial_images_is_not_believed():
    images = whole_spiral(AcquisitionType="SEQUENCED", SpiralPitchFactor=1.054)

    assert doses(images)[0].parameters.pitch is None


def test_an_enhanced_image_is_read_frame_by_frame():
    (event,) = doses([enhanced()])

    assert (event.images, len(event.sop_instance_uids), event.complete) == (3, 1, True)
    assert (event.mean_ctdivol, event.dlp, event.modulated, event.phantom) == (12, 18, True, Phantom.HEAD)
    assert (event.irradiation_event_uid, event.acquisition_number) == (uid("event"), "3")
    assert (event.parameters.kvp, event.parameters.pitch, event.parameters.tube_current) == (120, Decimal("0.9"), 200)


def test_frames_that_are_derived_or_of_two_tubes_state_no_dose():
    derived = enhanced()
    for group in derived.PerFrameFunctionalGroupsSequence:
        group.CTImageFrameTypeSequence[0].FrameType = ["DERIVED", "PRIMARY", "VOLUME", "MAXIMUM"]
    two = enhanced()
    shared = two.SharedFunctionalGroupsSequence[0]
    shared.CTXRayDetailsSequence = [*shared.CTXRayDetailsSequence, *shared.CTXRayDetailsSequence]

    assert image_events([derived]) == ()
    assert doses([two])[0].mean_ctdivol is None
    assert doses([two])[0].parameters.number_of_sources == 2


def test_nothing_in_nothing_out():
    assert image_events([]) == ()
