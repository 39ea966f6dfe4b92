<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>limn::AgreementBar</name>
    <message numerus="yes">
        <source>%n open</source>
        <translation>
            <numerusform>%n open</numerusform>
            <numerusform>%n open</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::ExportDialog</name>
    <message numerus="yes">
        <source>%n empty</source>
        <translation>
            <numerusform>%n empty</numerusform>
            <numerusform>%n empty</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n not accepted left out</source>
        <translation>
            <numerusform>%n not accepted left out</numerusform>
            <numerusform>%n not accepted left out</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n neither accepted nor submitted left out</source>
        <translation>
            <numerusform>%n neither accepted nor submitted left out</numerusform>
            <numerusform>%n neither accepted nor submitted left out</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images</source>
        <translation>
            <numerusform>%n image</numerusform>
            <numerusform>%n images</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n files</source>
        <translation>
            <numerusform>%n file</numerusform>
            <numerusform>%n files</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n left out</source>
        <translation>
            <numerusform>%n left out</numerusform>
            <numerusform>%n left out</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n without annotation</source>
        <translation>
            <numerusform>%n without annotation</numerusform>
            <numerusform>%n without annotation</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n not written</source>
        <translation>
            <numerusform>%n not written</numerusform>
            <numerusform>%n not written</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n written</source>
        <translation>
            <numerusform>%n written</numerusform>
            <numerusform>%n written</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n not</source>
        <translation>
            <numerusform>%n not</numerusform>
            <numerusform>%n not</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n skipped</source>
        <translation>
            <numerusform>%n skipped</numerusform>
            <numerusform>%n skipped</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::MainWindow</name>
    <message numerus="yes">
        <source>The other %n are fine.</source>
        <translation>
            <numerusform>The other one is fine.</numerusform>
            <numerusform>The other %n are fine.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Export %n</source>
        <translation>
            <numerusform>Export %n</numerusform>
            <numerusform>Export %n</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n files could not be used.</source>
        <translation>
            <numerusform>%n file could not be used.</numerusform>
            <numerusform>%n files could not be used.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Add %n images</source>
        <translation>
            <numerusform>Add %n image</numerusform>
            <numerusform>Add %n images</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n dropped: add to this project, or open as a new one?</source>
        <translation>
            <numerusform>%n dropped: add to this project, or open as a new one?</numerusform>
            <numerusform>%n dropped: add to this project, or open as a new one?</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n areas are not decided yet.</source>
        <translation>
            <numerusform>%n area is not decided yet.</numerusform>
            <numerusform>%n areas are not decided yet.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were rejected.</source>
        <translation>
            <numerusform>%n image was rejected.</numerusform>
            <numerusform>%n images were rejected.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were accepted.</source>
        <translation>
            <numerusform>%n image was accepted.</numerusform>
            <numerusform>%n images were accepted.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were submitted.</source>
        <translation>
            <numerusform>%n image was submitted.</numerusform>
            <numerusform>%n images were submitted.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images are open again.</source>
        <translation>
            <numerusform>%n image is open again.</numerusform>
            <numerusform>%n images are open again.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were left as they are.</source>
        <translation>
            <numerusform>%n was left as it is.</numerusform>
            <numerusform>%n were left as they are.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were left as they are: nobody has annotated them, or they are already decided.</source>
        <translation>
            <numerusform>%n was left as it is: nobody has annotated it, or it is already decided.</numerusform>
            <numerusform>%n were left as they are: nobody has annotated them, or they are already decided.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n pixels annotated</source>
        <translation>
            <numerusform>%n pixel annotated</numerusform>
            <numerusform>%n pixels annotated</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were found again.</source>
        <translation>
            <numerusform>%n image was found again.</numerusform>
            <numerusform>%n images were found again.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n are still missing.</source>
        <translation>
            <numerusform>%n is still missing.</numerusform>
            <numerusform>%n are still missing.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images are no longer where they were. Their annotations are kept.</source>
        <translation>
            <numerusform>%n image is no longer where it was. Its annotations are kept.</numerusform>
            <numerusform>%n images are no longer where they were. Their annotations are kept.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Do the %n others of %1 × %2 pixels have the same scale?</source>
        <translation>
            <numerusform>Does the %n other of %1 × %2 pixels have the same scale?</numerusform>
            <numerusform>Do the %n others of %1 × %2 pixels have the same scale?</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were flagged.</source>
        <translation>
            <numerusform>%n image was flagged.</numerusform>
            <numerusform>%n images were flagged.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n flags were removed.</source>
        <translation>
            <numerusform>%n flag was removed.</numerusform>
            <numerusform>%n flags were removed.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images are no longer assigned to anyone.</source>
        <translation>
            <numerusform>%n image is no longer assigned to anyone.</numerusform>
            <numerusform>%n images are no longer assigned to anyone.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were assigned to %1.</source>
        <translation>
            <numerusform>%n image was assigned to %1.</numerusform>
            <numerusform>%n images were assigned to %1.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images are again as they were.</source>
        <translation>
            <numerusform>%n image is again as it was.</numerusform>
            <numerusform>%n images are again as they were.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n waiting</source>
        <translation>
            <numerusform>%n waiting</numerusform>
            <numerusform>%n waiting</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>%n failed</numerusform>
            <numerusform>%n failed</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n changes</source>
        <translation>
            <numerusform>%n change</numerusform>
            <numerusform>%n changes</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::MeasurePanel</name>
    <message numerus="yes">
        <source>Remove the calibration of all %n images of this size</source>
        <translation>
            <numerusform>Remove the calibration of the %n image of this size</numerusform>
            <numerusform>Remove the calibration of all %n images of this size</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::WorklistPane</name>
    <message numerus="yes">
        <source>%n listed</source>
        <translation>
            <numerusform>%n listed</numerusform>
            <numerusform>%n listed</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::HistoryPanel</name>
    <message numerus="yes">
        <source>Show %n earlier</source>
        <translation>
            <numerusform>Show %n earlier</numerusform>
            <numerusform>Show %n earlier</numerusform>
        </translation>
    </message>
</context>
</TS>
